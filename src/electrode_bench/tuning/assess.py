"""What tuning changed: the configured and the tuned configuration, fitted and tested on the same outer folds.

The folds decide what the comparison may claim:

``held_out``
    The outer fold whose training rows the study was tuned on. No trial has seen its test rows: an unbiased comparison.
``nested``
    Every outer fold, each with the configuration of its own study. Unbiased, and with a test over folds.
``not_nested``
    All folds of a protocol with one configuration. The study has seen most of the rows that these folds test on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.evaluation import metrics, significance
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.protocols import long_predictions
from electrode_bench.fitting.runs import FoldTask, Progress, plan, run_folds
from electrode_bench.models.base import ModelSpec
from electrode_bench.splits import headline_folds

HELD_OUT, NESTED, NOT_NESTED = "held_out", "nested", "not_nested"

CONFIGURED, TUNED = "configured", "tuned"

#: The row of all targets together: the mean of their SMAE, which is a study's objective.
MEAN = "mean"

#: Columns of :attr:`Comparison.rows`; MAE and differences are in the target's unit, those of ``mean`` in SMAE.
ROW_COLUMNS = (
    "target", "n", "folds", "configured_mae", "tuned_mae", "configured_smae", "configured_spread", "tuned_smae",
    "tuned_spread", "difference", "low", "high", "relative", "p", "p_holm", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Tuned against configured on the same folds.

    Parameters
    ----------
    rows : :data:`ROW_COLUMNS`, one for each target and one for their mean. ``difference`` is tuned minus configured
        (negative: tuning helped) with its 95% interval ``low`` to ``high``, resampled by formula; ``p`` is of the
        corrected t-test over folds, NaN for one fold, and ``p_holm`` the same corrected for all rows; ``verdict`` is
        that of the tuned configuration (``significance.verdict``).
    predictions : schema.PREDICTION_COLUMNS, with ``configured`` and ``tuned`` as models.
    """

    protocol: str
    rows: pd.DataFrame
    predictions: pd.DataFrame


def compare(
    spec: ModelSpec,
    configurations: Mapping[str, tuple[Strict, Strict]],
    folds: tuple[Fold, ...],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    formulas: pd.Series,
    seed: int,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> Comparison:
    """Fit both configurations of each fold on its training rows, and compare them on its test rows.

    The fits have the seeds and the cache of the pipeline's runs: what one of them has fitted, the other does not fit
    again.

    Parameters
    ----------
    configurations : (configured, tuned) by the fold's key.
    folds : of one protocol.
    frame, targets : features and targets of all rows, by electrode id.
    formulas : discharged formula by electrode id.
    seed : root seed of params.yaml.
    """
    tasks: dict[str, FoldTask] = {}
    for variant, name in enumerate((CONFIGURED, TUNED)):
        for config, chosen in _by_configuration(configurations, folds, variant):
            planned = plan(spec, config, chosen, frame=frame, targets=targets, seed=seed)
            tasks |= {f"{name}/{key}": task for key, task in planned.items()}
    fitted = run_folds(tasks, frame=frame, targets=targets, cache=cache, executor=executor, progress=progress)
    predictions = pd.concat(
        [
            long_predictions(fitted[f"{name}/{fold.key}"].predictions, fold, model=name, targets=targets)
            for name in (CONFIGURED, TUNED)
            for fold in folds
        ],
        ignore_index=True,
    )
    rows = comparison_rows(predictions, folds, targets=targets, formulas=formulas, seed=seed)
    return Comparison(folds[0].protocol, rows, predictions)


def comparison_rows(
    predictions: pd.DataFrame, folds: tuple[Fold, ...], *, targets: pd.DataFrame, formulas: pd.Series, seed: int
) -> pd.DataFrame:
    """:attr:`Comparison.rows` from the predictions of both configurations."""
    protocol, headline = folds[0].protocol, set(headline_folds(folds))
    kept = [fold for fold in folds if fold.key in headline]
    overlap = float(np.mean([len(fold.test_ids) / len(set(fold.train_ids)) for fold in kept]))
    table = targets.rename_axis(ID).reset_index()
    scores = {name: _smae(predictions[predictions["model"] == name], folds, table) for name in (CONFIGURED, TUNED)}
    errors_of = {
        target: significance.errors(predictions[(predictions["target"] == target) & predictions["fold"].isin(headline)])
        for target in TARGETS
    }

    def row(target: str, errors: pd.DataFrame) -> dict[str, Any]:
        pair = significance.pair(
            errors[TUNED],
            errors[CONFIGURED],
            weight=significance.row_weights(errors.index),
            group=pd.Index(errors.index.get_level_values(ID)).map(formulas),
            overlap=overlap,
            seed=derive(seed, "score", protocol, target),
        )
        return {
            "target": target,
            "n": len(errors),
            "folds": len(kept),
            "configured_mae": pair["other_mae"],
            "tuned_mae": pair["mae"],
            **{key: pair[key] for key in ("difference", "low", "high", "relative", "p")},
        }

    def smae(target: str) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, score in scores.items():
            by_fold = score.loc[score["target"] == target].set_index("fold")["value"]
            headline_values = by_fold[[fold.key for fold in kept]]
            values |= {
                f"{name}_smae": float(by_fold[metrics.ALL]),
                f"{name}_spread": float(headline_values.std(ddof=1)),
            }
        return values

    rows = [row(target, errors_of[target]) | smae(target) for target in TARGETS]
    # Errors in SMAE: divided by the control's MAE, which is configured_mae over configured_smae.
    scaled = [errors_of[r["target"]] * (r["configured_smae"] / r["configured_mae"]) for r in rows]
    mean = pd.concat(scaled, keys=range(len(scaled))).groupby(level=["fold", ID]).mean()
    scores = {
        name: pd.concat([score, score.groupby("fold", as_index=False)["value"].mean().assign(target=MEAN)])
        for name, score in scores.items()
    }
    return judged([*rows, row(MEAN, mean) | smae(MEAN)])[list(ROW_COLUMNS)]


def judged(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of one comparison with their corrected p-values and verdicts.

    Both are derived, also for a stored comparison: a record may have been written by an earlier version with another
    rule. In stored rows None stands for NaN. The family of tests is what the table reports: all of its rows.
    """
    table = pd.DataFrame([dict(row) for row in rows])
    tested = table[["low", "high", "p"]].astype(float)
    table["p_holm"] = significance.holm(tested["p"].to_numpy())
    limits = zip(tested["low"], tested["high"], table["p_holm"], strict=True)
    table["verdict"] = [significance.verdict(*row) for row in limits]
    return table


def _smae(predictions: pd.DataFrame, folds: tuple[Fold, ...], table: pd.DataFrame) -> pd.DataFrame:
    """target, fold (``all``: over folds), value of one configuration."""
    scores = metrics.score(predictions, folds, table)
    return scores.loc[scores["metric"] == "smae", ["target", "fold", "value"]]


def _by_configuration(
    configurations: Mapping[str, tuple[Strict, Strict]], folds: tuple[Fold, ...], variant: int
) -> list[tuple[Strict, list[Fold]]]:
    """The folds of each configuration, so that what they share is computed once."""
    groups: list[tuple[Strict, list[Fold]]] = []
    for fold in folds:
        config = configurations[fold.key][variant]
        group = next((folds for known, folds in groups if known == config), None)
        if group is None:
            groups.append((config, [fold]))
        else:
            group.append(fold)
    return groups
