from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from crepes import ConformalRegressor
from hypothesis import given, settings
from hypothesis import strategies as st
from support.held_out_rows import held_out_rows
from support.intervals import made_up_calibration

from electrode_bench.core.schema import SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.evaluation.calibration import OUTSIDE, REST, Calibration, calibrate
from electrode_bench.evaluation.coverage import covered
from electrode_bench.params import Intervals

SETTINGS = Intervals()
LEVELS = SETTINGS.levels


def _predicted(values: list[tuple[float, float, float]], *, std: float | None = 0.3) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=list(TARGETS))
    return frame if std is None else frame.assign(average_voltage_std=std)


def _calibrated(compositions: int, **how: bool) -> tuple[Calibration, pd.DataFrame]:
    rows = held_out_rows(compositions, **how)
    return calibrate(rows, SETTINGS, inside="grouped", reach=1.0), rows


def test_the_voltage_by_hand() -> None:
    calibration = made_up_calibration(cutoff=2.0)
    predicted = _predicted([(100, 300, 3.0)] * 2)
    ends = calibration.intervals(predicted, ion=["Li", "Li"], limit=[200, 200], distance=[0.0, 9.0])
    # 2 x (0.3 + 0.1) V; at a distance of 9, outside: a cut-off of 4 and an interval that is 1 + sqrt(9) times wider.
    assert ends["average_voltage_low"].tolist() == pytest.approx([2.2, 3 - 6.4])
    assert ends["average_voltage_high"].tolist() == pytest.approx([3.8, 3 + 6.4])
    half = calibration.intervals(predicted, ion=["Li", "Li"], limit=[200, 200], distance=[0.0, 0.0], level=0.5)
    assert half["average_voltage_high"].tolist() == pytest.approx([3.4, 3.4])


def test_the_capacities_by_hand() -> None:
    certain, uncertain = np.zeros(11), (np.array(SHARE_THRESHOLDS) >= 0.52) * 0.4
    predicted = _predicted([(200, 600, 3.0), (200, 600, 3.0)])
    predicted[[share_column(t) for t in SHARE_THRESHOLDS]] = [certain, uncertain]
    calibration = made_up_calibration(cutoff=0.7, learned=False)
    ends = calibration.intervals(predicted, ion=["Li"] * 2, limit=[200, 200], distance=[0.0, 0.0])
    # 40% for the interval from 0.45 to 0.52, which enters at a cut-off of 0.6.
    assert ends["gravimetric_capacity_low"].tolist() == pytest.approx([200, 90])
    assert ends["gravimetric_capacity_high"].tolist() == pytest.approx([200, 200])
    margin = np.exp(0.7 * 0.1)
    assert ends["volumetric_capacity_low"].tolist() == pytest.approx([600 / margin, 270 / margin])
    assert ends["volumetric_capacity_high"].tolist() == pytest.approx([600 * margin] * 2)


def test_no_interval_far_away_or_from_too_few_compositions() -> None:
    calibration = made_up_calibration(reach=5.0)
    predicted = _predicted([(100, 300, 3.0)] * 3)
    ends = calibration.intervals(predicted, ion=["Li"] * 3, limit=[200] * 3, distance=[15.0, 15.1, np.inf])
    assert ends.isna().all(axis=1).tolist() == [False, True, True]
    assert calibration.reason("Li", 15.0) is None
    assert calibration.reason("Li", math.inf) == "too far from every known composition for an interval"
    few = calibrate(held_out_rows(40, far=0.1, distribution=False), SETTINGS, inside="grouped", reach=1.0)
    assert few.cutoffs["average_voltage"][OUTSIDE][LEVELS.index(0.95)] == math.inf
    assert few.reason("Li", 2.0, 0.95) == "too few compositions outside the domain were tested for an interval"
    outside = few.intervals(predicted, ion=["Li"] * 3, limit=[200] * 3, distance=[0.5, 2.0, 9.0], level=0.95)
    assert outside["average_voltage_low"].isna().tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"the level 0.7 was not calibrated; there are 0.5, 0.8, 0.9, 0.95"):
        calibration.intervals(predicted, ion=["Li"] * 3, limit=[200] * 3, distance=[0] * 3, level=0.7)


def test_ions_with_enough_compositions_have_cutoffs_of_their_own_and_the_rest_are_pooled() -> None:
    calibration, rows = _calibrated(1500)
    near = rows[(rows["protocol"] == "grouped") & (rows["distance"] <= 1.0)]
    counts = near.groupby("ion")["composition"].nunique()
    assert set(calibration.cutoffs["average_voltage"]) == {"Li", "Na", REST, OUTSIDE}
    # Magnesium alone has too few: all ions are pooled for it.
    assert counts["Mg"] < SETTINGS.fewest
    assert calibration.compositions[REST] == near["composition"].nunique()
    assert calibration.compositions["Na"] == counts["Na"]
    apart = rows[(rows["protocol"] == "loco") & rows["distance"].between(1.0, 3.0, inclusive="right")]
    assert calibration.compositions[OUTSIDE] == apart["composition"].nunique()


def test_the_voltage_is_that_of_normalised_conformal_regressors_of_crepes() -> None:
    rows = held_out_rows(300).drop_duplicates(["composition", "protocol"])
    calibration = calibrate(rows, Intervals(fewest=1000), inside="grouped", reach=1.0)
    near = rows[(rows["protocol"] == "grouped") & (rows["distance"] <= 1.0)]
    std = near["average_voltage_std"].to_numpy()
    sigma = (std + np.median(std)) * (1 + np.sqrt(near["distance"].to_numpy()))
    residuals = (near["average_voltage_true"] - near["average_voltage"]).to_numpy()
    regressor = ConformalRegressor().fit(residuals=residuals, sigmas=sigma)
    expected = regressor.predict_int(near["average_voltage"].to_numpy(), sigmas=sigma, confidence=0.9)
    ends = calibration.intervals(near, ion=near["ion"], limit=near["limit"], distance=near["distance"])
    np.testing.assert_allclose(ends[["average_voltage_low", "average_voltage_high"]].to_numpy(), expected)


@pytest.mark.parametrize("distribution", [True, False])
def test_new_compositions_are_covered(distribution: bool) -> None:
    calibration, _ = _calibrated(1500, distribution=distribution)
    new = held_out_rows(3000, seed=1, distribution=distribution).query("protocol == 'grouped'")
    for level in LEVELS:
        ends = calibration.intervals(new, ion=new["ion"], limit=new["limit"], distance=new["distance"], level=level)
        for target in TARGETS:
            rows = pd.DataFrame(
                {"y_true": new[f"{target}_true"], "low": ends[f"{target}_low"], "high": ends[f"{target}_high"]}
            )
            held = covered(rows)
            # A capacity is nearly discrete, and an interval contains its prediction: it may hold more than it must.
            most = level + 0.03 if target == "average_voltage" else 1.0
            assert level - 0.03 <= held.mean() <= most, (target, level)


@given(st.integers(0, 10_000), st.floats(0, 3), st.floats(0.5, 1.2))
@settings(max_examples=25, deadline=None)
def test_intervals_are_nested_and_within_faradays_limit(seed: int, distance: float, over: float) -> None:
    calibration = CALIBRATED[seed % 2]
    rows = held_out_rows(6, seed=seed, distribution=seed % 2 == 0)
    rows["gravimetric_capacity"] *= over
    about = {"ion": rows["ion"], "limit": rows["limit"], "distance": np.full(len(rows), distance)}
    found = [calibration.intervals(rows, **about, level=level) for level in LEVELS]
    for target in TARGETS:
        for narrow, wide in pairwise(found):
            assert (narrow[f"{target}_low"] >= wide[f"{target}_low"]).all()
            assert (narrow[f"{target}_high"] <= wide[f"{target}_high"]).all()
        for ends in found:
            assert (ends[f"{target}_low"] <= ends[f"{target}_high"]).all()
    for ends in found:
        assert (ends["gravimetric_capacity_low"] >= 0).all()
        assert (ends["gravimetric_capacity_high"] <= rows["limit"]).all()
        assert (ends["volumetric_capacity_low"] >= 0).all()
        clipped = np.minimum(rows["gravimetric_capacity"], rows["limit"])
        assert ((ends["gravimetric_capacity_low"] <= clipped) & (clipped <= ends["gravimetric_capacity_high"])).all()


CALIBRATED = [_calibrated(400)[0], _calibrated(400, distribution=False)[0]]


def test_the_order_of_rows_does_not_matter() -> None:
    calibration, rows = _calibrated(300)
    assert calibrate(rows.sample(frac=1, random_state=0), SETTINGS, inside="grouped", reach=1.0) == calibration
    ends = calibration.intervals(rows, ion=rows["ion"], limit=rows["limit"], distance=rows["distance"])
    other = rows.sample(frac=1, random_state=1)
    shuffled = calibration.intervals(other, ion=other["ion"], limit=other["limit"], distance=other["distance"])
    pd.testing.assert_frame_equal(shuffled.loc[ends.index], ends)


def test_it_survives_json_and_holds_no_rows() -> None:
    for calibration in (*CALIBRATED, calibrate(held_out_rows(20), SETTINGS, inside="grouped", reach=1.0)):
        text = json.dumps(calibration.to_json(), allow_nan=False)
        assert Calibration.from_json(json.loads(text)) == calibration
        assert "composition 1" not in text
        assert len(text) < 8000


def test_a_model_without_standard_deviations() -> None:
    rows = held_out_rows(300).assign(average_voltage_std=np.nan)
    calibration = calibrate(rows, SETTINGS, inside="grouped", reach=1.0)
    assert not calibration.has_std
    predicted = _predicted([(100, 300, 3.0)], std=None)
    predicted[[share_column(t) for t in SHARE_THRESHOLDS]] = 0.0
    ends = calibration.intervals(predicted, ion=["Li"], limit=[200], distance=[0.0])
    assert ends.notna().all(axis=None)
