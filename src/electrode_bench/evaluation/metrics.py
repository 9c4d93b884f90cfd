"""The metrics, per fold and over folds, on all test rows and on 2-sigma-filtered rows.

SMAE is the MAE divided by the MAE of the control (the training mean). The control's MAE is always that on the
*unfiltered* test rows, also for the filtered metrics. The study's table does so in every row (H. Wu et al.,
arXiv:2603.07805, table of results; 21.085 / 87.095 = 0.242).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.splits import headline_folds

FILTERED = "_2sigma"

SCORE_COLUMNS = ("protocol", "model", "target", "metric", "fold", "value", "spread", "n")

#: Name of the row over all folds.
ALL = "all"


@dataclass(frozen=True)
class Metric:
    """A measure of error for one target.

    Parameters
    ----------
    key, label : name in files, and name for people.
    unit : "target" for the unit of the target, "" for no unit.
    meaning : what the value over folds says, in one line.
    per_fold : (true values (n,), predictions (n,), MAE of the control on unfiltered test rows) -> value of one fold.
    over_folds : (values, MAEs, MAEs of the control, with one number per fold) -> value over folds. None takes the mean
        of the values.
    shown : whether the metric is in the study's table.
    larger_is_better : whether a better model has a larger value.
    """

    key: str
    label: str
    unit: str
    meaning: str
    per_fold: Callable[[np.ndarray, np.ndarray, float], float]
    over_folds: Callable[[np.ndarray, np.ndarray, np.ndarray], float] | None = None
    shown: bool = False
    larger_is_better: bool = False


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
    """Share of the test rows' variance that is explained; NaN if there is none (fewer than 2 rows, or all equal)."""
    if len(y_true) < 2:
        return float("nan")
    total = np.square(y_true - y_true.mean()).sum()
    return float(1 - np.square(y_true - y_pred).sum() / total) if total > 0 else float("nan")


def within_two_sigma(y_test: np.ndarray, y_train: np.ndarray) -> np.ndarray:
    """Which test values (n,) lie within mean +- 2 standard deviations of the training values (m,)."""
    within: np.ndarray = np.abs(y_test - y_train.mean()) <= 2 * y_train.std()
    return within


def smae(error: float, control: float) -> float:
    """Scaled MAE: an MAE divided by that of the control; NaN if the control makes no error."""
    return error / control if control > 0 else float("nan")


def _smae_over_folds(_: np.ndarray, errors: np.ndarray, controls: np.ndarray) -> float:
    """Ratio of the mean MAEs. Folds without a row within 2 sigma have no filtered error and do not count."""
    known = ~np.isnan(errors)
    return smae(float(errors[known].mean()), float(controls[known].mean())) if known.any() else float("nan")


#: Every metric, in the order of the tables. Each is also computed on 2-sigma-filtered rows.
METRICS: tuple[Metric, ...] = (
    Metric(
        "mae",
        "MAE",
        "target",
        "mean absolute error on the test rows, averaged over folds",
        lambda true, predicted, _: mae(true, predicted),
        shown=True,
    ),
    Metric(
        "smae",
        "SMAE",
        "",
        "mean over folds of the MAE, divided by the mean over folds of the MAE of the training mean",
        lambda true, predicted, control: smae(mae(true, predicted), control),
        over_folds=_smae_over_folds,
        shown=True,
    ),
    Metric(
        "r2",
        "R2",
        "",
        "share of the test rows' variance that is explained, averaged over folds",
        lambda true, predicted, _: r2(true, predicted),
        shown=True,
        larger_is_better=True,
    ),
    Metric(
        "rmse",
        "RMSE",
        "target",
        "root of the mean squared error on the test rows, averaged over folds",
        lambda true, predicted, _: rmse(true, predicted),
    ),
)

#: What the suffix of filtered metrics says.
FILTERED_MEANING = "only test rows within two standard deviations of the training mean"

#: The metrics of the study's table.
SHOWN: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.shown)

#: Keys of all metrics in ``scores.csv``: on all rows, then on filtered rows.
KEYS: tuple[str, ...] = tuple(f"{metric.key}{suffix}" for suffix in ("", FILTERED) for metric in METRICS)


def fold_metrics(y_true: np.ndarray, y_pred: np.ndarray, y_train: np.ndarray) -> dict[str, tuple[float, int]]:
    """Every metric of one target in one fold, with the number of rows that it was computed on.

    Parameters
    ----------
    y_true, y_pred : (n,) test values and predictions.
    y_train : (m,) training values, with repeats as the model saw them.
    """
    control = control_mae(y_true, y_train)
    out: dict[str, tuple[float, int]] = {}
    for suffix, rows in (("", np.ones(len(y_true), dtype=bool)), (FILTERED, within_two_sigma(y_true, y_train))):
        true, predicted = y_true[rows], y_pred[rows]
        for metric in METRICS:
            out[f"{metric.key}{suffix}"] = (metric.per_fold(true, predicted, control), len(true))
    return out


def score(predictions: pd.DataFrame, folds: Iterable[Fold], table: pd.DataFrame) -> pd.DataFrame:
    """Scores of one run, long: protocol, model, target, metric, fold, value, spread, n.

    The rows of fold ``all`` have the mean over folds, and as ``spread`` the standard deviation (n - 1) over folds. The
    SMAE over folds is the mean MAE divided by the control's mean MAE, as in the study's table, where the ratio of the
    printed MAEs is the printed SMAE. Its ``spread`` is that of the folds' own ratios.

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS, one model under one protocol.
    folds : the folds of that protocol.
    table : the canonical table, which has the training values of each fold.

    Raises
    ------
    UserError
        If a fold or a test row has no finite prediction, or a prediction that it should not have.
    """
    truth = table.set_index(ID)[list(TARGETS)]
    model, protocol = _only(predictions, "model"), _only(predictions, "protocol")
    folds = tuple(folds)
    by_fold = {str(key): rows for key, rows in predictions.groupby("fold")}
    _complete(by_fold, folds, run=f"{model} under {protocol}")
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


def _over_folds(per_fold: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (protocol, model, target), of in per_fold.groupby(["protocol", "model", "target"]):
        by_metric = {str(key): values for key, values in of.groupby("metric")}
        for metric in METRICS:
            for suffix in ("", FILTERED):
                key = f"{metric.key}{suffix}"
                values, errors = by_metric[key], by_metric[f"mae{suffix}"]
                value = float(values["value"].mean())
                if metric.over_folds is not None:
                    columns = (values["value"], errors["value"], errors["control_mae"])
                    value = metric.over_folds(*(column.to_numpy() for column in columns))
                std = values["value"].std(ddof=1)
                rows.append((protocol, model, target, key, ALL, value, std, int(values["n"].sum())))
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _sorted(scores: pd.DataFrame) -> pd.DataFrame:
    order = {name: i for i, name in enumerate([*TARGETS, *KEYS])}
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


def _complete(by_fold: Mapping[str, pd.DataFrame], folds: tuple[Fold, ...], *, run: str) -> None:
    missing = [f.key for f in folds if f.key not in by_fold]
    if missing:
        raise UserError(f"{run} has no predictions for {len(missing)} folds ({', '.join(missing[:5])}); fit it again")
    unknown = sorted(set(by_fold) - {f.key for f in folds})
    if unknown:
        raise UserError(f"{run} has predictions for folds that the split does not have ({', '.join(unknown[:5])})")
    for fold in folds:
        for target in TARGETS:
            rows = by_fold[fold.key]
            of = rows[rows["target"] == target]
            if sorted(of[ID]) != sorted(fold.test_ids):
                raise UserError(f"{run}, {fold.key}: the predicted rows of {target} are not the fold's test rows")
            if not np.isfinite(of["y_pred"]).all():
                raise UserError(f"{run}, {fold.key}: {target} has predictions that are not finite")
