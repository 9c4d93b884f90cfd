"""The comparison: reads results only, never a model. Scores of all cells, and the tables that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import digest_frame
from electrode_bench.core.schema import FORMULA, ID, TARGETS, Fold
from electrode_bench.errors import UserError
from electrode_bench.evaluation import generalisation, significance
from electrode_bench.evaluation.metrics import ALL, CONTROL, METRICS, headline_folds, score
from electrode_bench.splits import TITLES

#: The metrics that the study's table has.
HEADLINE = ("mae", "smae", "r2")


@dataclass(frozen=True)
class CellResult:
    """A cell as its files have it: predictions.parquet and cell.json."""

    predictions: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.about["model"])

    @property
    def protocol(self) -> str:
        return str(self.about["protocol"])


@dataclass(frozen=True)
class Comparison:
    """Everything that the compare stage writes, each a table ready for its file."""

    scores: pd.DataFrame
    headline: pd.DataFrame
    learning_curve: pd.DataFrame
    by_ion: pd.DataFrame
    by_cluster: pd.DataFrame
    pairs: pd.DataFrame
    ranking: pd.DataFrame
    leakage: pd.DataFrame
    penalties: pd.DataFrame
    penalty_against_distance: pd.DataFrame
    power_laws: pd.DataFrame
    metrics: dict[tuple[str, str], dict[str, dict[str, float]]]


def compare(
    cells: Iterable[CellResult],
    *,
    folds: Mapping[str, tuple[Fold, ...]],
    digests: Mapping[str, str],
    table: pd.DataFrame,
    clusters: pd.Series,
    seed: int,
) -> Comparison:
    """Compare cells on the same folds and data.

    Parameters
    ----------
    folds, digests : folds of each protocol and their digest, of the split as it is now.
    table : the canonical table.
    clusters : cluster label by electrode id, -1 for noise.
    seed : root seed of the intervals' resampling.

    Raises
    ------
    UserError
        When there is no cell, a cell was made on another split or table, or a protocol lacks its control.
    """
    cells = sorted(cells, key=lambda c: (list(folds).index(c.protocol) if c.protocol in folds else -1, c.model))
    _comparable(cells, digests=digests, table=digest_frame(table.set_index(ID)[list(TARGETS)].sort_index()))
    scores = pd.concat([score(c.predictions, folds[c.protocol], table) for c in cells], ignore_index=True)
    scores = _control_first(scores)
    titles = {c.model: str(c.about["title"]) for c in cells}
    predictions = pd.concat([c.predictions for c in cells], ignore_index=True)
    formulas = table.set_index(ID)[FORMULA]
    pairs = significance.pairs(predictions, folds=folds, formulas=formulas, control=CONTROL, seed=seed)
    penalties = generalisation.penalties(predictions, table=table, clusters=clusters, folds=folds)
    return Comparison(
        scores=scores,
        headline=headline(scores, titles=titles),
        learning_curve=learning_curve(scores, folds.get("bootstrap", ())),
        by_ion=errors_by(predictions, table.set_index(ID)["working_ion"], folds=folds, table=table),
        by_cluster=errors_by(predictions, clusters.rename("cluster"), folds=folds, table=table),
        pairs=pairs,
        ranking=significance.ranking(pairs, control=CONTROL),
        leakage=generalisation.leakage(scores),
        penalties=penalties,
        penalty_against_distance=generalisation.penalty_against_distance(penalties),
        power_laws=generalisation.power_laws(scores, folds.get("bootstrap", ())),
        metrics=cell_metrics(scores),
    )


def headline(scores: pd.DataFrame, *, titles: Mapping[str, str]) -> pd.DataFrame:
    """The study's table, one row a protocol and model: ``<target>/<metric>`` and ``<target>/<metric> spread``."""
    over = scores[scores["fold"] == ALL]
    rows = []
    for (protocol, model), cell in over.groupby(["protocol", "model"], sort=False):
        row: dict[str, Any] = {"protocol": protocol, "model": model, "title": titles[str(model)]}
        for target in TARGETS:
            of = cell[cell["target"] == target].set_index("metric")
            for metric in METRICS:
                row[f"{target}/{metric}"] = of.loc[metric, "value"]
                row[f"{target}/{metric} spread"] = of.loc[metric, "spread"]
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
        curve.loc[(model, target, metric, n), "value"] = error / control if control > 0 else np.nan
    return curve.reset_index()[columns]


def curve_columns(curve: pd.DataFrame, *, target: str, metric: str = "smae") -> pd.DataFrame:
    """One target's learning curve with a column a model, as `dvc plots` draws it: n_train, <model>, ..."""
    rows = curve[(curve["target"] == target) & (curve["metric"] == metric)]
    wide = rows.pivot(index="n_train", columns="model", values="value").reset_index()
    return wide.rename_axis(columns=None)


def errors_by(
    predictions: pd.DataFrame, group: pd.Series, *, folds: Mapping[str, tuple[Fold, ...]], table: pd.DataFrame
) -> pd.DataFrame:
    """Errors within each group of electrodes: protocol, model, target, group, mae, smae, bias, n.

    ``smae`` divides by the control's MAE on the same rows, so that a group far from the training mean
    does not look bad for that alone; ``bias`` is the mean of predicted minus true. Rows of the bootstrap are
    those of its largest size.
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
        mae=("absolute", "mean"), control=("control", "mean"), bias=("error", "mean"), n=("absolute", "size")
    ).reset_index()
    out["smae"] = (out["mae"] / out["control"]).where(out["control"] > 0)
    return _control_first(out[["protocol", "model", "target", name, "mae", "smae", "bias", "n"]])


def cell_metrics(scores: pd.DataFrame) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
    """``target -> metric -> value`` over folds of each (protocol, model): MAE, SMAE and R2, a row of `dvc metrics`."""
    cells: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    rows = scores[(scores["fold"] == ALL) & scores["metric"].isin(HEADLINE)]
    for row in rows.to_dict("records"):
        cell = cells.setdefault((row["protocol"], row["model"]), {})
        cell.setdefault(row["target"], {})[row["metric"]] = row["value"]
    return cells


def _comparable(cells: list[CellResult], *, digests: Mapping[str, str], table: str) -> None:
    if not cells:
        raise UserError("there is no fitted cell to compare; run: dvc repro fit")
    problems = [
        f"{c.model} under {c.protocol} was fitted on another split"
        for c in cells
        if c.about["digests"]["split"] != digests.get(c.protocol)
    ]
    problems += [
        f"{c.model} under {c.protocol} was fitted on other data" for c in cells if c.about["digests"]["table"] != table
    ]
    problems += [
        f"predictions of {c.model} under {c.protocol} are not those that its cell.json is about"
        for c in cells
        if c.about["digests"]["predictions"] != digest_frame(c.predictions)
    ]
    controlled = {c.protocol for c in cells if c.model == CONTROL}
    problems += [f"{p} has no control" for p in sorted({c.protocol for c in cells} - controlled)]
    models = {c.model for c in cells}
    present = {(c.model, c.protocol) for c in cells}
    problems += [
        f"{model} is missing under {protocol}"
        for protocol in sorted({c.protocol for c in cells})
        for model in sorted(models)
        if (model, protocol) not in present and model != CONTROL
    ]
    if problems:
        raise UserError(
            f"these cells cannot be compared: {'; '.join(problems)}; run: dvc repro fit "
            "(or delete results/fit/<model> of a model that dvc.yaml no longer has)"
        )


def _control_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by protocol as in :data:`splits.TITLES`, the control first in each, other models by name."""
    protocols = list(TITLES)
    position = pd.DataFrame(
        {
            "protocol": frame["protocol"].map(protocols.index),
            "other": frame["model"] != CONTROL,
            "model": frame["model"],
        }
    )
    return frame.loc[position.sort_values(list(position.columns), kind="stable").index].reset_index(drop=True)
