"""Generalisation: leakage, extrapolation to unseen chemistry, and the effect of more training data.

Reads predictions and scores only, never a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress

import numpy as np
import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID, NOISE, TARGETS
from electrode_bench.evaluation.metrics import ALL

PENALTY_COLUMNS = ("model", "target", "cluster", "n", "mae_stratified", "mae_loco", "penalty", "ratio", "distance")


def leakage(scores: pd.DataFrame) -> pd.DataFrame:
    """Stratified and grouped errors side by side: model, target, both MAEs, both SMAEs, ratio.

    ``ratio`` is the grouped MAE divided by the stratified MAE. It shows how much a model gains from having seen the
    same formula in training. The table is empty if one of the two protocols was not run.
    """
    over = scores[(scores["fold"] == ALL) & scores["metric"].isin(["mae", "smae"])]
    wide = over.pivot_table(index=["model", "target"], columns=["metric", "protocol"], values="value", sort=False)
    columns = {(m, p): f"{m}_{p}" for m in ("mae", "smae") for p in ("stratified", "grouped")}
    if not set(columns) <= set(wide.columns):
        return pd.DataFrame(columns=["model", "target", *columns.values(), "ratio"])
    out = wide[list(columns)].set_axis(list(columns.values()), axis=1).reset_index()
    out["ratio"] = out["mae_grouped"] / out["mae_stratified"]
    return out


def distances_to_rest(table: pd.DataFrame, clusters: pd.Series) -> pd.Series:
    """Distance of each cluster from all other compositions: mean ElMD to the nearest composition outside.

    Parameters
    ----------
    table : the canonical table.
    clusters : cluster label by electrode id; -1 is noise, which belongs to no cluster and counts as outside.

    Returns
    -------
    Series by cluster label, in steps of the modified Pettifor scale: the mean over the cluster's distinct discharged
    formulas. Formulas that the cluster contains do not count as outside. NaN if there is nothing outside.
    """
    label, formula = table[ID].map(clusters).to_numpy(), table[FORMULA].to_numpy()
    distinct = sorted(set(formula))
    place = {name: i for i, name in enumerate(distinct)}
    position = np.array([place[name] for name in formula], dtype=int)
    names = sorted(set(label) - {NOISE})
    choices = []
    for cluster in names:
        inside = np.unique(position[label == cluster])
        choices.append((inside, np.setdiff1d(np.unique(position[label != cluster]), inside)))
    some = [bool(len(rest)) for _, rest in choices]
    nearest = iter(elmd.nearest_among(elmd.cumulative(distinct), list(compress(choices, some))))
    found = {name: float(next(nearest).mean()) if any_ else np.nan for name, any_ in zip(names, some, strict=True)}
    return pd.Series(found, name="distance", dtype=float)


def penalties(
    predictions: pd.DataFrame, *, table: pd.DataFrame, clusters: pd.Series, folds: Mapping[str, tuple[Fold, ...]]
) -> pd.DataFrame:
    """Extrapolation to unseen chemistry: :data:`PENALTY_COLUMNS`, one row per model, target and cluster.

    ``mae_loco`` and ``mae_stratified`` are measured on the same electrodes, those of the cluster. The first is that of
    a model that saw none of the cluster, the second that of a model that saw most of it. ``penalty`` is their
    difference in the target's unit, ``ratio`` their quotient and ``distance`` that of :func:`distances_to_rest`. The
    table is empty if one of the two protocols was not run.
    """
    if not {"stratified", "loco"} <= set(predictions["protocol"]):
        return pd.DataFrame(columns=list(PENALTY_COLUMNS))
    tested = {i for fold in folds["loco"] for i in fold.test_ids}
    rows = predictions[predictions["protocol"].isin(["stratified", "loco"]) & predictions[ID].isin(tested)]
    rows = rows.assign(error=(rows["y_pred"] - rows["y_true"]).abs(), cluster=rows[ID].map(clusters))
    wide = rows.pivot_table(
        index=["model", "target", "cluster"], columns="protocol", values="error", aggfunc=["mean", "size"], sort=False
    )
    out = pd.DataFrame(
        {
            "n": wide["size", "loco"].astype(int),
            "mae_stratified": wide["mean", "stratified"],
            "mae_loco": wide["mean", "loco"],
        }
    )
    out["penalty"] = out["mae_loco"] - out["mae_stratified"]
    out["ratio"] = (out["mae_loco"] / out["mae_stratified"]).where(out["mae_stratified"] > 0)
    out = out.reset_index()
    out["distance"] = out["cluster"].map(distances_to_rest(table, clusters))
    return _by_model(out[list(PENALTY_COLUMNS)], then=["cluster"])


def penalty_against_distance(penalties: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of a cluster's ``ratio`` with its ``distance``: model, target, rho, p, clusters.

    NaN for fewer than three clusters, or if one of the two does not vary.
    """
    from scipy.stats import spearmanr

    rows = []
    for (model, target), of in penalties.groupby(["model", "target"], sort=False):
        known = of[["distance", "ratio"]].dropna()
        rho, p = np.nan, np.nan
        if len(known) >= 3 and (known.nunique() > 1).all():
            found = spearmanr(known["distance"], known["ratio"])
            rho, p = float(found.statistic), float(found.pvalue)
        rows.append((model, target, rho, p, len(known)))
    return pd.DataFrame(rows, columns=["model", "target", "rho", "p", "clusters"])


def power_laws(scores: pd.DataFrame, folds: Sequence[Fold]) -> pd.DataFrame:
    """Power laws MAE = a n^-b of error against training size, fitted to the repeats of the bootstrap.

    One row per model and target, with the columns

    - ``exponent`` b with its 95% interval, ``exponent_low`` to ``exponent_high``, and ``r2`` of the logarithms;
    - ``n_train``, the largest size, and ``mae``, the fitted error there;
    - ``mae_doubled``, the fitted error at twice that size;
    - ``saved``, ``saved_low`` and ``saved_high``, the share of the error that the doubling would save.

    The repeats draw from one dataset, so the interval is somewhat too narrow. Beyond the largest size the law is an
    extrapolation. A model with an error of 0, or with one size only, has no row.
    """
    from scipy.stats import linregress
    from scipy.stats import t as student

    size = {fold.key: len(fold.train_ids) for fold in folds}
    rows = scores[(scores["protocol"] == "bootstrap") & (scores["fold"] != ALL) & (scores["metric"] == "mae")]
    out = []
    for (model, target), of in rows.groupby(["model", "target"], sort=False):
        n, mae = of["fold"].map(size).to_numpy(dtype=float), of["value"].to_numpy()
        if len(n) < 3 or len(set(n)) < 2 or not (mae > 0).all():
            continue
        fit = linregress(np.log(n), np.log(mae))
        reach = float(student.ppf(0.975, df=len(n) - 2)) * float(fit.stderr)
        low, exponent, high = (-float(fit.slope) + shift for shift in (-reach, 0.0, reach))
        largest = n.max()
        at = float(np.exp(fit.intercept + fit.slope * np.log(largest)))
        saved = [1 - 2.0**-b for b in (exponent, low, high)]
        row = (
            model,
            target,
            exponent,
            low,
            high,
            float(fit.rvalue) ** 2,
            int(largest),
            at,
            at * (1 - saved[0]),
            *saved,
        )
        out.append(row)
    columns = ["model", "target", "exponent", "exponent_low", "exponent_high", "r2", "n_train", "mae", "mae_doubled"]
    return pd.DataFrame(out, columns=[*columns, "saved", "saved_low", "saved_high"])


def _by_model(frame: pd.DataFrame, *, then: list[str]) -> pd.DataFrame:
    """Sort rows by model (in the order of appearance), target (in the order of the table) and ``then``."""
    position = frame.assign(
        model=frame["model"].map({m: i for i, m in enumerate(dict.fromkeys(frame["model"]))}),
        target=frame["target"].map(list(TARGETS).index),
    )
    return frame.loc[position.sort_values(["model", "target", *then], kind="stable").index].reset_index(drop=True)
