from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from support.electrodes import clusters, table

from electrode_bench import splits
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import metrics
from electrode_bench.splits import bootstrap

values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20)


def test_each_metric_by_hand() -> None:
    true, predicted = np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 3.0, 4.0])
    assert metrics.mae(true, predicted) == 3 / 4
    assert metrics.rmse(true, predicted) == math.sqrt(5 / 4)
    # Sum of squares around the mean 3: 4 + 1 + 0 + 9 = 14; of the errors: 5.
    assert metrics.r2(true, predicted) == pytest.approx(1 - 5 / 14)
    assert metrics.control_mae(true, np.array([0.0, 4.0])) == (1 + 0 + 1 + 4) / 4


def test_two_sigma_is_of_the_training_values_with_its_bounds_inside() -> None:
    train = np.array([-1.0, 1.0])  # mean 0, standard deviation 1
    assert metrics.within_two_sigma(np.array([-2.0, 2.0, 2.001, -2.001, 0.0]), train).tolist() == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_the_studys_own_arithmetic() -> None:
    """Its MODNet row: MAE 26.834 (21.085) over the control's 87.095 is SMAE 0.308 (0.242), arXiv:2603.07805."""
    train = np.array([-60.0, 60.0])  # mean 0, standard deviation 60: 2 sigma is 120 mAh/g
    true = np.array([50.0, -50.0, 3 * 87.095 - 100])  # the control's MAE is 87.095; the last row is beyond 2 sigma
    predicted = true + np.array([21.085, -21.085, 3 * 26.834 - 2 * 21.085])
    measured = metrics.fold_metrics(true, predicted, train)
    assert measured["mae"] == (pytest.approx(26.834), 3)
    assert measured["mae_2sigma"] == (pytest.approx(21.085), 2)
    assert round(measured["smae"][0], 3) == 0.308
    assert round(measured["smae_2sigma"][0], 3) == 0.242


@given(values, st.data())
def test_metrics_agree_with_scikit_learn(true: list[float], data: st.DataObject) -> None:
    predicted = np.array(data.draw(st.lists(st.floats(-1e3, 1e3), min_size=len(true), max_size=len(true))))
    y = np.array(true)
    assert metrics.mae(y, predicted) == pytest.approx(mean_absolute_error(y, predicted), abs=1e-9)
    assert metrics.rmse(y, predicted) == pytest.approx(root_mean_squared_error(y, predicted), abs=1e-9)
    if np.square(y - y.mean()).sum() > 1e-6:
        assert metrics.r2(y, predicted) == pytest.approx(r2_score(y, predicted), rel=1e-6, abs=1e-9)


def test_every_metric_is_also_taken_on_filtered_rows_in_the_order_of_the_tables() -> None:
    keys = [metric.key for metric in metrics.METRICS]
    assert keys[:4] == ["mae", "smae", "r2", "rmse"]
    assert list(metrics.KEYS) == [*keys, *(f"{key}_2sigma" for key in keys)]
    assert [metric.key for metric in metrics.SHOWN][:3] == ["mae", "smae", "r2"]
    assert math.isnan(metrics.smae(1.0, 0.0))
    assert metrics.smae(1.0, 4.0) == 0.25


def test_what_cannot_be_measured_is_nan() -> None:
    one = np.array([1.0])
    assert math.isnan(metrics.mae(one[:0], one[:0]))
    assert math.isnan(metrics.r2(one, one))
    assert math.isnan(metrics.r2(np.array([2.0, 2.0]), np.array([1.0, 3.0])))
    assert math.isnan(metrics.fold_metrics(one, one, one)["smae"][0])
    assert metrics.fold_metrics(np.array([9.0]), one, np.array([0.0, 1.0]))["mae_2sigma"][1] == 0


def _predictions(rows: pd.DataFrame, folds: tuple[Fold, ...], *, shift: float) -> pd.DataFrame:
    truth = rows.set_index(ID)
    parts = [
        pd.DataFrame(
            {
                ID: list(fold.test_ids), "protocol": fold.protocol, "fold": fold.key, "model": "m", "target": target,
                "y_true": truth.loc[list(fold.test_ids), target].to_numpy(),
                "y_pred": truth.loc[list(fold.test_ids), target].to_numpy() + shift, "y_std": np.nan,
            }
        )
        for fold in folds
        for target in TARGETS
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_scores_over_two_folds_by_hand() -> None:
    rows = pd.DataFrame({ID: list("abcd"), **{t: [0.0, 2.0, 4.0, 10.0] for t in TARGETS}})
    folds = (Fold("stratified", "fold-0", ("a", "b"), ("c", "d")), Fold("stratified", "fold-1", ("c", "d"), ("a", "b")))
    scores = metrics.score(_predictions(rows, folds, shift=1.0), folds, rows).set_index(["target", "metric", "fold"])
    for target in TARGETS:
        # Training means 1 and 7: the control's MAEs are (3 + 9) / 2 = 6 and (7 + 5) / 2 = 6.
        assert scores.loc[(target, "mae", "all"), "value"] == 1
        assert scores.loc[(target, "smae", "fold-0"), "value"] == pytest.approx(1 / 6)
        assert scores.loc[(target, "smae", "all"), "value"] == pytest.approx(1 / 6)
        # R2: 1 - 2 / 18 and 1 - 2 / 2; their standard deviation with n - 1.
        assert scores.loc[(target, "r2", "all"), "value"] == pytest.approx((16 / 18 + 0) / 2)
        assert scores.loc[(target, "r2", "all"), "spread"] == pytest.approx(np.std([16 / 18, 0], ddof=1))
        assert scores.loc[(target, "mae", "all"), "n"] == 4


def test_overall_smae_is_the_ratio_of_mean_maes_as_in_the_study() -> None:
    rows = pd.DataFrame({ID: list("abcd"), **{t: [0.0, 2.0, 4.0, 20.0] for t in TARGETS}})
    folds = (Fold("loco", "cluster-00", ("a", "b", "c"), ("d",)), Fold("loco", "cluster-01", ("b", "c", "d"), ("a",)))
    scores = metrics.score(_predictions(rows, folds, shift=1.0), folds, rows).set_index(["target", "metric", "fold"])
    # The control's MAEs are |20 - 2| = 18 and |0 - 26/3| = 26/3.
    assert scores.loc[("average_voltage", "smae", "all"), "value"] == pytest.approx(1 / ((18 + 26 / 3) / 2))
    assert scores.loc[("average_voltage", "smae", "cluster-01"), "value"] == pytest.approx(3 / 26)


def test_a_fold_without_a_filtered_row_is_left_out_of_both_means() -> None:
    rows = pd.DataFrame({ID: list("abcd"), **{t: [0.0, 2.0, 4.0, 100.0] for t in TARGETS}})
    folds = (Fold("loco", "cluster-00", ("a", "b", "c"), ("d",)), Fold("loco", "cluster-01", ("b", "c", "d"), ("a",)))
    scores = metrics.score(_predictions(rows, folds, shift=1.0), folds, rows).set_index(["target", "metric", "fold"])
    assert math.isnan(scores.loc[("average_voltage", "mae_2sigma", "cluster-00"), "value"])
    # The second fold alone: its control predicts 106 / 3 for 0.
    assert scores.loc[("average_voltage", "smae_2sigma", "all"), "value"] == pytest.approx(3 / 106)


def test_the_bootstraps_headline_is_its_largest_size() -> None:
    rows = table(40)
    folds = tuple(bootstrap.make(rows, clusters(rows), bootstrap.Bootstrap(sizes=[0.25, 1.0], repeats=2), 0))
    assert splits.headline_folds(folds) == ["n00040-r00", "n00040-r01"]
    scores = metrics.score(_predictions(rows, folds, shift=2.0), folds, rows)
    overall = scores[(scores["fold"] == "all") & (scores["metric"] == "mae")]
    assert overall["n"].tolist() == [sum(len(f.test_ids) for f in folds[2:])] * 3
    assert set(scores["fold"]) == {"all", *(f.key for f in folds)}


def test_incomplete_predictions_are_refused() -> None:
    rows = pd.DataFrame({ID: list("abcd"), **{t: [0.0, 2.0, 4.0, 10.0] for t in TARGETS}})
    folds = (Fold("stratified", "fold-0", ("a", "b"), ("c", "d")), Fold("stratified", "fold-1", ("c", "d"), ("a", "b")))
    whole = _predictions(rows, folds, shift=1.0)
    with pytest.raises(UserError, match=r"m under stratified has no predictions for 1 folds \(fold-1\); fit it again"):
        metrics.score(whole[whole["fold"] == "fold-0"], folds, rows)
    with pytest.raises(UserError, match="folds that the split does not have"):
        metrics.score(whole, folds[:1], rows)
    with pytest.raises(UserError, match="the predicted rows of average_voltage are not the fold's test rows"):
        metrics.score(whole[(whole["target"] != "average_voltage") | (whole[ID] != "a")], folds, rows)
    with pytest.raises(UserError, match="not finite"):
        metrics.score(whole.assign(y_pred=np.nan), folds, rows)
    with pytest.raises(UserError, match="must be of one model"):
        metrics.score(pd.concat([whole, whole.assign(model="n")]), folds, rows)
