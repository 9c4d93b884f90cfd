from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.electrodes import table
from support.held_out_rows import held_out_rows

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID
from electrode_bench.evaluation.coverage import (
    COVERAGE_COLUMNS,
    REJECTED,
    coverage,
    covered,
    cross_fitted,
    rejection,
    rejection_area,
    rejection_curve,
    wilson,
)
from electrode_bench.evaluation.held_out import described, distances
from electrode_bench.params import Intervals
from electrode_bench.report.uncertainty_figures import calibration as calibration_figure

SETTINGS = Intervals(levels=(0.5, 0.9), level=0.9)


@pytest.fixture(scope="module")
def intervals() -> pd.DataFrame:
    return cross_fitted(held_out_rows(600), SETTINGS, inside="grouped", reach=1.0)


def test_cross_fitted_intervals_hold_exchangeable_values_at_the_level(intervals: pd.DataFrame) -> None:
    labels = pd.Series(0, index=intervals[ID].unique())
    found = coverage(intervals, labels)
    assert list(found) == list(COVERAGE_COLUMNS[1:])
    voltage = found[(found["by"] == "all") & (found["target"] == "average_voltage")]
    assert (voltage["coverage"] - voltage["level"]).abs().max() < 0.04
    assert (found["low"] <= found["coverage"]).all()
    assert (found["coverage"] <= found["high"]).all()
    assert set(found["by"]) == {"all", "ion", "cluster", "width"}
    fifths = found[(found["by"] == "width") & (found["level"] == 0.9) & (found["target"] == "average_voltage")]
    assert fifths.groupby("protocol")["width"].apply(lambda width: width.is_monotonic_increasing).all()


def test_no_composition_calibrates_its_own_interval() -> None:
    rows = held_out_rows(200)
    before = cross_fitted(rows, SETTINGS, inside="grouped", reach=1.0)
    # The true values of one fold's compositions change everything but the intervals of these compositions.
    of = rows.query("protocol == 'grouped' and fold == 'fold-0'")["composition"]
    changed = rows["composition"].isin(set(of))
    other = rows.assign(average_voltage_true=rows["average_voltage_true"].where(~changed, 99.0))
    after = cross_fitted(other, SETTINGS, inside="grouped", reach=1.0)
    same = (before["protocol"] == "grouped") & (before["fold"] == "fold-0")
    pd.testing.assert_frame_equal(before.loc[same, ["low", "high"]], after.loc[same, ["low", "high"]])
    assert not before.loc[~same, "high"].equals(after.loc[~same, "high"])


def test_coverage_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "protocol": "grouped", "fold": "f", ID: list("abcd"), "composition": ["x", "x", "y", "z"], "ion": "Li",
            "distance": 0.0, "target": "average_voltage", "level": 0.9, "y_true": [1.0, 9.0, 2.0, 3.0], "y_pred": 2.0,
            "low": [1.0, 1.0, 1.0, np.nan], "high": [3.0, 3.0, 5.0, np.nan],
        }
    )  # fmt: skip
    assert covered(rows).tolist() == [True, False, True, False]
    found = coverage(rows, pd.Series(0, index=list("abcd"))).query("by == 'all'").iloc[0]
    # x has half of its vote, y all of it; z has no interval.
    assert (found["n"], found["share"], found["coverage"], found["width"]) == (3, pytest.approx(2 / 3), 0.75, 3.0)
    assert (found["low"], found["high"]) == wilson(0.75, 2)


@given(held=st.integers(0, 5000), missed=st.integers(0, 5000), off=st.sampled_from([-2e-16, 0.0, 2e-16]))
def test_the_interval_of_a_share_holds_it_whatever_the_rounding(held: int, missed: int, off: float) -> None:
    n = held + missed
    if n == 0:
        return
    share = held / n
    low, high = wilson(share + off, n)
    assert 0 <= low <= min(max(share + off, 0.0), 1.0) <= high <= 1


def test_full_coverage_can_be_drawn() -> None:
    # For some numbers of compositions, rounding left the upper end below 1, and matplotlib refuses a negative length.
    rows = pd.concat(
        pd.DataFrame(
            {
                "protocol": "grouped", "fold": "f", ID: [f"{n}-{i}" for i in range(n)], "ion": f"ion {n}",
                "composition": [f"c{i // 2 if i < 5 else i}" for i in range(n)], "distance": 0.0,
                "target": "average_voltage", "level": level, "y_true": 1.0, "y_pred": 1.0, "low": 0.0, "high": 2.0,
            }
        )
        for n in range(1, 60) for level in (0.5, 0.9)
    )  # fmt: skip
    for _, of in rows.groupby("ion"):
        found = coverage(of, pd.Series(0, index=of[ID].unique()))
        assert (found["high"] >= found["coverage"]).all()
        assert (found["coverage"] <= 1).all()
        figure = calibration_figure(found.assign(model="a"), protocol="grouped", titles={"a": "A"})
        assert figure.axes


def test_errors_fall_when_the_least_certain_are_rejected(intervals: pd.DataFrame) -> None:
    curves = rejection(intervals, 0.9)
    assert len(curves) == 2 * 3 * 2 * len(REJECTED)
    voltage = curves.query("target == 'average_voltage' and protocol == 'grouped'").set_index(["ranked_by", "rejected"])
    assert voltage.loc[("width", 0.0), "relative"] == 1.0
    assert voltage.loc[("width", 0.5), "relative"] < 0.85
    # The errors do not depend on the distance here.
    assert voltage.loc[("distance", 0.5), "relative"] == pytest.approx(1.0, abs=0.15)


def test_equal_uncertainties_count_with_their_mean_error() -> None:
    error, vote = np.array([1.0, 3.0, 5.0, 7.0]), np.ones(4)
    assert rejection_curve(error, np.zeros(4), vote, (0.0, 0.25, 0.5)).tolist() == pytest.approx([4, 4, 4])
    assert rejection_area(error, np.zeros(4), vote) == pytest.approx(1.0)
    assert rejection_area(error, error, vote) < 0.8 < 1.2 < rejection_area(error, -error, vote)


def test_the_distance_is_to_the_training_rows_of_the_fold() -> None:
    rows = table(12)
    rows["formula_discharge"] = ["LiCoO2"] * 3 + ["LiNiO2"] * 3 + ["NaCoO2"] * 3 + ["LiUO2"] * 3
    rows["working_ion"] = ["Li"] * 6 + ["Na"] * 3 + ["Li"] * 3
    ids = rows[ID].tolist()
    fold = Fold("grouped", "f", (*ids[0:2], *ids[6:9]), (ids[2], ids[3], ids[9]))
    found = distances([fold], described(rows))
    assert list(found.index) == [("grouped", "f", i) for i in (ids[2], ids[3], ids[9])]
    # LiCoO2 is known. Nickel and uranium are not.
    assert found.tolist() == [0.0, np.inf, np.inf]
    other = Fold("grouped", "g", tuple(ids[:6]), (ids[6],))
    assert np.isinf(distances([other], described(rows)).iloc[0])
    both = Fold("grouped", "h", tuple(ids[3:9]), (ids[0],))
    # A quarter of the atoms moves from Li to Na, or from Ni to Co, one step of the scale each.
    assert 0 < distances([both], described(rows)).iloc[0] <= 1.0
    assert described(rows)["limit"].iloc[0] == pytest.approx(273.8, abs=0.1)
