"""The comparison: scores of all runs and the tables made from them. Reads predictions only, never a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import COMPOSITION_ONLY, CONTROL, FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import generalisation, significance
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.evaluation.ceilings import ceilings
from electrode_bench.evaluation.metrics import ALL, KEYS, SHOWN, score, smae
from electrode_bench.evaluation.uncertainty import uncertainty
from electrode_bench.params import DEFAULT_INTERVALS, Intervals
from electrode_bench.splits import headline_folds, headline_keys


@dataclass(frozen=True)
class Comparison:
    """Everything that the compare stage writes.

    ``tables`` has one table for each name in :data:`~electrode_bench.core.schema.COMPARISON_TABLES`. ``metrics`` has
    the values over folds by (protocol, model), target and metric. ``calibrations`` has the prediction intervals by
    model.
    """

    tables: Mapping[str, pd.DataFrame]
    metrics: Mapping[tuple[str, str], dict[str, dict[str, float]]]
    calibrations: Mapping[str, Calibration]


def compare(
    runs: Iterable[Run],
    *,
    folds: Mapping[str, tuple[Fold, ...]],
    table: pd.DataFrame,
    clusters: pd.Series,
    seed: int,
    intervals: Intervals = DEFAULT_INTERVALS,
) -> Comparison:
    """Compare runs on the same folds and data.

    Parameters
    ----------
    folds : folds of each protocol, in the order of the tables.
    table : the canonical table.
    clusters : cluster label by electrode id, -1 for noise.
    seed : root seed of the resampling for the intervals of differences.
    intervals : which prediction intervals are made.

    Raises
    ------
    UserError
        If there is no run, or if the control or a model is missing under a protocol.
    """
    protocols = list(folds)
    runs = sorted(runs, key=lambda run: (protocols.index(run.protocol), run.model))
    _require_complete(runs)
    scores = pd.concat([score(run.predictions, folds[run.protocol], table) for run in runs], ignore_index=True)
    scores = _control_first(scores, protocols)
    titles, reads = {run.model: run.title for run in runs}, {run.model: run.reads for run in runs}
    predictions = pd.concat([run.predictions for run in runs], ignore_index=True)
    rows = table.set_index(ID)
    made = significance.compared(predictions, folds=folds, formulas=rows[FORMULA], control=CONTROL, seed=seed)
    penalties = generalisation.penalties(predictions, table=table, clusters=clusters, folds=folds)
    bootstrap = folds.get("bootstrap", ())
    certain = uncertainty(runs, folds=folds, table=table, clusters=clusters, settings=intervals)
    tables = {
        "scores": scores,
        "table": headline(scores, titles=titles, reads=reads),
        "learning_curve": learning_curve(scores, bootstrap),
        "by_ion": errors_by(predictions, rows["working_ion"], folds=folds, table=table),
        "by_cluster": errors_by(predictions, clusters.rename("cluster"), folds=folds, table=table),
        "pairs": made.pairs,
        "ranking": significance.ranking(made, control=CONTROL),
        "leakage": generalisation.leakage(scores),
        "penalties": penalties,
        "penalty_against_distance": generalisation.penalty_against_distance(penalties),
        "power_laws": generalisation.power_laws(scores, bootstrap),
        "ceilings": ceilings(
            {protocol: folds[protocol] for protocol in dict.fromkeys(scores["protocol"])}, table, predictions
        ),
        "coverage": certain.coverage,
        "rejection": certain.rejection,
    }
    return Comparison(tables, run_metrics(scores), certain.calibrations)


def headline(
    scores: pd.DataFrame, *, titles: Mapping[str, str], reads: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """The study's table, one row per protocol and model.

    The columns are ``<target>/<metric>`` and ``<target>/<metric> spread``, the standard deviation over folds, and at
    the end ``reads``, what the model reads.
    """
    over = scores[scores["fold"] == ALL]
    rows = []
    for (protocol, model), values in over.groupby(["protocol", "model"], sort=False):
        row: dict[str, Any] = {"protocol": protocol, "model": model, "title": titles[str(model)]}
        for target in TARGETS:
            of = values[values["target"] == target].set_index("metric")
            for key in KEYS:
                row[f"{target}/{key}"] = of.loc[key, "value"]
                row[f"{target}/{key} spread"] = of.loc[key, "spread"]
        row["reads"] = reads.get(str(model), COMPOSITION_ONLY)
        rows.append(row)
    return pd.DataFrame(rows)


def learning_curve(scores: pd.DataFrame, folds: Iterable[Fold]) -> pd.DataFrame:
    """Error against training size from the bootstrap: model, target, metric, n_train, value, spread, repeats."""
    columns = ["model", "target", "metric", "n_train", "value", "spread", "repeats"]
    size = {fold.key: len(fold.train_ids) for fold in folds}
    rows = scores[(scores["protocol"] == "bootstrap") & (scores["fold"] != ALL)]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    keys = ["model", "target", "metric", "n_train"]
    curve = (
        rows.assign(n_train=rows["fold"].map(size))
        .groupby(keys, sort=False)["value"]
        .agg(value="mean", spread=lambda v: v.std(ddof=1), repeats="count")
    )
    # As everywhere, an SMAE over folds is the ratio of the mean MAEs.
    for model, target, metric, n in [key for key in curve.index if key[2].startswith("smae")]:
        control = curve["value"].get((CONTROL, target, "mae", n), np.nan)
        error = curve.loc[(model, target, metric.removeprefix("s"), n), "value"]
        curve.loc[(model, target, metric, n), "value"] = smae(float(error), float(control))
    return curve.reset_index()[columns]


def errors_by(
    predictions: pd.DataFrame, group: pd.Series, *, folds: Mapping[str, tuple[Fold, ...]], table: pd.DataFrame
) -> pd.DataFrame:
    """Errors within each group of electrodes: protocol, model, target, group, mae, smae, bias, n.

    ``smae`` divides by the control's MAE on the same rows, so that a group does not look bad only because it is far
    from the training mean. ``bias`` is the mean of predicted minus true values and ``n`` the number of electrodes. Only
    headline folds count; an electrode that several of them test enters the means as often.
    """
    name = str(group.name)
    truth = table.set_index(ID)[list(TARGETS)]
    control = {
        (fold.key, protocol, target): truth.loc[list(fold.train_ids), target].mean()
        for protocol, of in folds.items()
        for fold in of
        for target in TARGETS
    }
    used = {(protocol, key) for protocol, of in folds.items() for key in headline_folds(of)}
    keep = [(p, f) in used for p, f in zip(predictions["protocol"], predictions["fold"], strict=True)]
    rows = predictions[keep]
    keys = zip(rows["fold"], rows["protocol"], rows["target"], strict=True)
    mean = np.array([control[k] for k in keys])
    rows = rows.assign(
        **{
            name: rows[ID].map(group),
            "error": rows["y_pred"] - rows["y_true"],
            "absolute": (rows["y_pred"] - rows["y_true"]).abs(),
            "control": (mean - rows["y_true"]).abs(),
        }
    )
    grouped = rows.groupby(["protocol", "model", "target", name], sort=True, dropna=False)
    out = grouped.agg(
        mae=("absolute", "mean"), control=("control", "mean"), bias=("error", "mean"), n=(ID, "nunique")
    ).reset_index()
    out["smae"] = (out["mae"] / out["control"]).where(out["control"] > 0)
    return _control_first(out[["protocol", "model", "target", name, "mae", "smae", "bias", "n"]], list(folds))


def run_metrics(scores: pd.DataFrame) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
    """Target -> metric -> value over folds of each (protocol, model), for the metrics of the study's table."""
    out: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    rows = scores[(scores["fold"] == ALL) & scores["metric"].isin([metric.key for metric in SHOWN])]
    for row in rows.to_dict("records"):
        of = out.setdefault((row["protocol"], row["model"]), {})
        of.setdefault(row["target"], {})[row["metric"]] = row["value"]
    return out


def best_model(scores: pd.DataFrame, protocol: str, among: Iterable[str]) -> str | None:
    """The first model of :func:`by_error`; None if there is only the control."""
    return next(iter(by_error(scores, protocol, among)), None)


def by_error(scores: pd.DataFrame, protocol: str, among: Iterable[str]) -> list[str]:
    """Models by their mean SMAE over the targets under a protocol, smallest first; the control is left out.

    Parameters
    ----------
    scores : ``results/compare/scores.csv``.
    among : names of the models to choose from.
    """
    mean = mean_smae(scores, protocol)
    known = [model for model in among if model in mean.index and model != CONTROL]
    return sorted(known, key=lambda model: (mean[model], model))


def mean_smae(scores: pd.DataFrame, protocol: str) -> pd.Series:
    """The mean of the targets' SMAE under a protocol, by model; ``scores`` as in :func:`by_error`."""
    rows = scores[(scores["protocol"] == protocol) & (scores["fold"] == ALL) & (scores["metric"] == "smae")]
    return rows[rows["target"].isin(list(TARGETS))].groupby("model")["value"].mean()


def headline_predictions(run: Run) -> pd.DataFrame:
    """The predictions behind a run's headline values: those of the protocol's headline folds."""
    keys = headline_keys(run.protocol, run.training_sizes)
    return run.predictions[run.predictions["fold"].isin(keys)]


def _require_complete(runs: list[Run]) -> None:
    if not runs:
        raise UserError("there is no fitted model to compare; run: dvc repro fit")
    protocols, models = sorted({run.protocol for run in runs}), sorted({run.model for run in runs} - {CONTROL})
    present = {(run.model, run.protocol) for run in runs}
    problems = [f"{protocol} has no control" for protocol in protocols if (CONTROL, protocol) not in present]
    problems += [
        f"{model} is missing under {protocol}"
        for protocol in protocols
        for model in models
        if (model, protocol) not in present
    ]
    if problems:
        raise UserError(
            f"these runs cannot be compared: {'; '.join(problems)}; run: dvc repro fit "
            "(or delete results/fit/<model> of a model that params.yaml no longer lists)"
        )


def _control_first(frame: pd.DataFrame, protocols: Sequence[str]) -> pd.DataFrame:
    """Sort rows by protocol in the given order, with the control first and the other models by name."""
    position = pd.DataFrame(
        {
            "protocol": frame["protocol"].map(list(protocols).index),
            "other": frame["model"] != CONTROL,
            "model": frame["model"],
        }
    )
    return frame.loc[position.sort_values(list(position.columns), kind="stable").index].reset_index(drop=True)
