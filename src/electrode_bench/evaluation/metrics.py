"""The study's metrics, per fold and over folds: MAE, SMAE, R2, RMSE, and each on 2-sigma-filtered rows.

SMAE is the MAE over the MAE of the control (the training mean) on the *unfiltered* test rows, also
for the filtered metrics: that is what the study's table does in every row (H. Wu et al.,
arXiv:2603.07805, table of results; 21.085 / 87.095 = 0.242).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from electrode_bench.core.schema import ID, TARGETS, Column, Fold
from electrode_bench.errors import UserError

FILTERED = "_2sigma"

#: The model that errors are measured against.
CONTROL = "control"

#: Every metric by key. A unit of "target" stands for the unit of the target it is measured on.
METRICS: Mapping[str, Column] = MappingProxyType(
    {
        c.key: c
        for c in (
            Column("mae", "MAE", "target"),
            Column("smae", "SMAE"),
            Column("r2", "R2"),
            Column("rmse", "RMSE", "target"),
            Column("mae_2sigma", "MAE, 2 sigma", "target"),
            Column("smae_2sigma", "SMAE, 2 sigma"),
            Column("r2_2sigma", "R2, 2 sigma"),
            Column("rmse_2sigma", "RMSE, 2 sigma", "target"),
        )
    }
)

SCORE_COLUMNS = ("protocol", "model", "target", "metric", "fold", "value", "spread", "n")

#: The name of the row over all folds.
ALL = "all"


def mae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean absolute error of (n,) values, in their unit; NaN for no rows."""
    return float(np.abs(y_true - y_pred).mean()) if len(y_true) else float("nan")


def control_mae(y_true: np.ndarray, y_train: np.ndarray) -> float:
    """MAE of the control, which predicts the mean of the training values (m,) for all (n,) test values."""
    return mae(y_true, np.full(len(y_true), y_train.mean()))


def rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Root of the mean squared error of (n,) values, in their unit; NaN for no rows."""
    return float(np.sqrt(np.square(y_true - y_pred).mean())) if len(y_true) else float("nan")


def r2(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Share of the test rows' variance that is explained; NaN where they have none (fewer than 2, or all equal)."""
    if len(y_true) < 2:
        return float("nan")
    total = np.square(y_true - y_true.mean()).sum()
    return float(1 - np.square(y_true - y_pred).sum() / total) if total > 0 else float("nan")


def within_two_sigma(y_test: np.ndarray, y_train: np.ndarray) -> np.ndarray:
    """Which test values (n,) lie within mean +- 2 standard deviations of the training values (m,)."""
    within: np.ndarray = np.abs(y_test - y_train.mean()) <= 2 * y_train.std()
    return within


def fold_metrics(y_true: np.ndarray, y_pred: np.ndarray, y_train: np.ndarray) -> dict[str, tuple[float, int]]:
    """Every metric of one target in one fold, with the number of rows it was measured on.

    Parameters
    ----------
    y_true, y_pred : (n,) test values and predictions.
    y_train : (m,) training values with repeats, as the model saw them.
    """
    control = control_mae(y_true, y_train)
    out: dict[str, tuple[float, int]] = {}
    for suffix, rows in (("", np.ones(len(y_true), dtype=bool)), (FILTERED, within_two_sigma(y_true, y_train))):
        true, predicted = y_true[rows], y_pred[rows]
        error = mae(true, predicted)
        out[f"mae{suffix}"] = (error, len(true))
        out[f"smae{suffix}"] = (error / control if control > 0 else float("nan"), len(true))
        out[f"r2{suffix}"] = (r2(true, predicted), len(true))
        out[f"rmse{suffix}"] = (rmse(true, predicted), len(true))
    return out


def score(predictions: pd.DataFrame, folds: Iterable[Fold], table: pd.DataFrame) -> pd.DataFrame:
    """Scores of one cell, long: protocol, model, target, metric, fold, value, spread, n.

    The rows of fold ``all`` hold the mean over folds and, as spread, the standard deviation (n - 1)
    over folds. Its SMAE is the ratio of the mean MAE to the control's mean MAE, as in the study's
    table, where the ratio of the printed MAEs is the printed SMAE; its spread is that of the folds' own ratios.

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS, one model under one protocol.
    folds : that protocol's folds.
    table : the canonical table; gives each fold's training values.

    Raises
    ------
    UserError
        When a fold or a test row has no finite prediction, or one that it should not have.
    """
    truth = table.set_index(ID)[list(TARGETS)]
    model, protocol = _only(predictions, "model"), _only(predictions, "protocol")
    folds = tuple(folds)
    by_fold = {str(key): rows for key, rows in predictions.groupby("fold")}
    _complete(by_fold, folds, cell=f"{model} under {protocol}")
    rows = []
    for fold in folds:
        train = truth.loc[list(fold.train_ids)]
        for target, of in by_fold[fold.key].groupby("target"):
            y_true, y_train = of["y_true"].to_numpy(), train[target].to_numpy()
            control = control_mae(y_true, y_train)
            for metric, (value, n) in fold_metrics(y_true, of["y_pred"].to_numpy(), y_train).items():
                rows.append((protocol, model, target, metric, fold.key, value, np.nan, n, control))
    per_fold = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, "control_mae"])
    headline = per_fold[per_fold["fold"].isin(headline_folds(folds))]
    scores = pd.concat([per_fold.drop(columns="control_mae"), _over_folds(headline)], ignore_index=True)
    return _sorted(scores)


def headline_folds(folds: Iterable[Fold]) -> list[str]:
    """The folds that a protocol's headline is the mean of: all, but for the bootstrap those of its largest size.

    The smaller sizes of the bootstrap are points of its learning curve, not repeats of one experiment.
    """
    folds = tuple(folds)
    largest = max((len(f.train_ids) for f in folds), default=0)
    return [f.key for f in folds if f.protocol != "bootstrap" or len(f.train_ids) == largest]


def _over_folds(per_fold: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (protocol, model, target), cell in per_fold.groupby(["protocol", "model", "target"]):
        by_metric = {str(metric): of for metric, of in cell.groupby("metric")}
        for metric, of in by_metric.items():
            value = of["value"].mean()
            if metric.startswith("smae"):
                # Folds without a row within 2 sigma have no filtered error: they are left out of both means.
                error = by_metric[metric.removeprefix("s")]
                control = error.loc[error["value"].notna(), "control_mae"].mean()
                value = error["value"].mean() / control if control > 0 else np.nan
            rows.append((protocol, model, target, metric, ALL, value, of["value"].std(ddof=1), int(of["n"].sum())))
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _sorted(scores: pd.DataFrame) -> pd.DataFrame:
    order = {name: i for i, name in enumerate([*TARGETS, *METRICS])}
    keys = pd.DataFrame(
        {
            "target": scores["target"].map(order),
            "metric": scores["metric"].map(order),
            "single": scores["fold"] != ALL,
            "fold": scores["fold"],
        }
    )
    return scores.loc[keys.sort_values(list(keys.columns), kind="stable").index].reset_index(drop=True)


def _only(predictions: pd.DataFrame, column: str) -> str:
    values = predictions[column].unique()
    if len(values) != 1:
        raise UserError(f"predictions must be of one {column}, found {sorted(values)}")
    return str(values[0])


def _complete(by_fold: Mapping[str, pd.DataFrame], folds: tuple[Fold, ...], *, cell: str) -> None:
    missing = [f.key for f in folds if f.key not in by_fold]
    if missing:
        raise UserError(f"{cell} has no predictions for {len(missing)} folds ({', '.join(missing[:5])}); fit it again")
    unknown = sorted(set(by_fold) - {f.key for f in folds})
    if unknown:
        raise UserError(f"{cell} has predictions for folds that the split does not have ({', '.join(unknown[:5])})")
    for fold in folds:
        for target in TARGETS:
            rows = by_fold[fold.key]
            of = rows[rows["target"] == target]
            if sorted(of[ID]) != sorted(fold.test_ids):
                raise UserError(f"{cell}, {fold.key}: the predicted rows of {target} are not the fold's test rows")
            if not np.isfinite(of["y_pred"]).all():
                raise UserError(f"{cell}, {fold.key}: {target} has predictions that are not finite")
