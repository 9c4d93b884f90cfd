"""What tuning brought: the configured and the tuned configuration fitted and tested on the same outer folds.

Which folds decides what the comparison may claim:

``held_out``
    The outer fold whose training part the study was tuned on. Its test rows were not seen: a clean claim.
``nested``
    Every outer fold, each with the configuration of a study of its own. Clean, and with a test over folds.
``not_nested``
    All folds of a protocol with one configuration. The study saw rows that most of these folds test on.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from electrode_bench.fitting import runs as runner
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.models.base import ModelSpec

HELD_OUT, NESTED, NOT_NESTED = "held_out", "nested", "not_nested"

CONFIGURED, TUNED = "configured", "tuned"

#: The row of all targets together: the mean of their SMAE, which is what a study makes small.
MEAN = "mean"

#: Columns of :attr:`Comparison.rows`; MAE and differences are in the target's unit, those of ``mean`` in SMAE.
ROW_COLUMNS = (
    "target", "n", "folds", "configured_mae", "tuned_mae", "configured_smae", "configured_spread", "tuned_smae",
    "tuned_spread", "difference", "low", "high", "relative", "p", "verdict",
)  # fmt: skip


def subject(claim: str, protocol: str) -> str:
    """What a comparison is of, in names: its claim, or the protocol where all of its folds were taken."""
    return protocol if claim == NOT_NESTED else claim


@dataclass(frozen=True)
class Comparison:
    """Configured against tuned on the same folds.

    Parameters
    ----------
    rows : :data:`ROW_COLUMNS`, one a target and one for their mean. ``difference`` is tuned minus configured (negative:
        tuning helped) with its 95% interval ``low`` to ``high``, resampled by formula; ``p`` is of the corrected t-test
        over folds, NaN for one fold.
    predictions : schema.PREDICTION_COLUMNS, with ``configured`` and ``tuned`` for models.
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
    progress: runner.Progress | None = None,
) -> Comparison:
    """Fit both configurations of each fold on its training rows, and compare them on its test rows.

    Fits have the seeds that the cells of the pipeline have, and share their cache: what ``dvc repro`` has fitted is
    not fitted again, nor the other way round.

    Parameters
    ----------
    configurations : (configured, tuned) by the fold's key.
    folds : of one protocol.
    frame, targets : features and targets of all rows, by electrode id.
    formulas : discharged formula by electrode id.
    seed : root seed of params.yaml.
    """
    tasks: dict[str, runner.Task] = {}
    for variant, name in enumerate((CONFIGURED, TUNED)):
        for config, of in _by_configuration(configurations, folds, variant):
            planned = runner.plan(spec, config, of, frame=frame, targets=targets, seed=seed)
            tasks |= {f"{name}/{key}": task for key, task in planned.items()}
    fitted = runner.run_folds(tasks, frame=frame, targets=targets, cache=cache, executor=executor, progress=progress)
    predictions = pd.concat(
        [
            runner.long(fitted[f"{name}/{fold.key}"].predictions, fold, model=name, targets=targets)
            for name in (CONFIGURED, TUNED)
            for fold in folds
        ],
        ignore_index=True,
    )
    rows = compared(predictions, folds, targets=targets, formulas=formulas, seed=seed)
    return Comparison(folds[0].protocol, rows, predictions)


def compared(
    predictions: pd.DataFrame, folds: tuple[Fold, ...], *, targets: pd.DataFrame, formulas: pd.Series, seed: int
) -> pd.DataFrame:
    """:attr:`Comparison.rows` from the predictions of both."""
    protocol, headline = folds[0].protocol, set(metrics.headline_folds(folds))
    kept = [f for f in folds if f.key in headline]
    overlap = float(np.mean([len(f.test_ids) / len(set(f.train_ids)) for f in kept]))
    table = targets.rename_axis(ID).reset_index()
    scores = {name: _smae(predictions[predictions["model"] == name], folds, table) for name in (CONFIGURED, TUNED)}
    wide = {
        t: significance.errors(predictions[(predictions["target"] == t) & predictions["fold"].isin(headline)])
        for t in TARGETS
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
            **{k: pair[k] for k in ("difference", "low", "high", "relative", "p")},
            "verdict": verdict(pair),
        }

    def smae(target: str) -> dict[str, float]:
        out: dict[str, float] = {}
        for name, of in scores.items():
            each = of.loc[of["target"] == target].set_index("fold")["value"]
            apart = each[[f.key for f in kept]]
            out |= {f"{name}_smae": float(each[metrics.ALL]), f"{name}_spread": float(apart.std(ddof=1))}
        return out

    rows = [row(target, wide[target]) | smae(target) for target in TARGETS]
    scaled = [wide[r["target"]] * (r["configured_smae"] / r["configured_mae"]) for r in rows]
    mean = pd.concat(scaled, keys=range(len(scaled))).groupby(level=["fold", ID]).mean()
    scores = {
        name: pd.concat([of, of.groupby("fold", as_index=False)["value"].mean().assign(target=MEAN)])
        for name, of in scores.items()
    }
    return pd.DataFrame([*rows, row(MEAN, mean) | smae(MEAN)])[list(ROW_COLUMNS)]


def _smae(predictions: pd.DataFrame, folds: tuple[Fold, ...], table: pd.DataFrame) -> pd.DataFrame:
    """target, fold (``all``: over folds), value of one configuration."""
    scores = metrics.score(predictions, folds, table)
    return scores.loc[scores["metric"] == "smae", ["target", "fold", "value"]]


def verdict(pair: Mapping[str, float]) -> str:
    """ "better", "worse" or "not told apart": of the tuned configuration against the configured one.

    As for two models (decision 11) both tests must agree; where there is one fold, its interval alone decides.
    """
    agreed = np.isnan(pair["p"]) or pair["p"] < significance.LEVEL
    if agreed and pair["high"] < 0:
        return "better"
    return "worse" if agreed and pair["low"] > 0 else "not told apart"


def _by_configuration(
    configurations: Mapping[str, tuple[Strict, Strict]], folds: tuple[Fold, ...], variant: int
) -> list[tuple[Strict, list[Fold]]]:
    """Folds that one configuration belongs to, so that what they share is read once."""
    out: list[tuple[Strict, list[Fold]]] = []
    for fold in folds:
        config = configurations[fold.key][variant]
        of = next((f for c, f in out if c == config), None)
        if of is None:
            out.append((config, [fold]))
        else:
            of.append(fold)
    return out
