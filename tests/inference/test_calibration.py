from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.inference.calibration import Calibration, calibrate

NO_STD = np.full(9, np.nan)


def test_without_standard_deviations_the_half_width_is_the_ninth_of_nine_errors() -> None:
    errors = np.arange(1.0, 10.0)
    calibration = Calibration.from_errors(errors, np.zeros(9), NO_STD)
    assert (calibration.factor, calibration.has_std, calibration.coverage) == (9.0, False, 1.0)
    assert calibration.half_width(NO_STD).tolist() == [9.0] * 9
    # Eight rows are too few for 90%.
    assert Calibration.from_errors(errors[:8], np.zeros(8), NO_STD[:8]).factor == math.inf
    assert Calibration.from_errors(errors, np.zeros(9), NO_STD, level=0.5).factor == 5.0


def test_standard_deviations_scale_the_interval_and_small_ones_are_raised() -> None:
    std = np.array([1.0] * 8 + [0.0])
    calibration = Calibration.from_errors(np.full(9, 2.0), np.zeros(9), std)
    # A standard deviation of 0 is raised to a tenth of the median: its error of 2 is 20 times that.
    assert (calibration.factor, calibration.min_std) == (20.0, pytest.approx(0.1))
    assert calibration.half_width(np.array([1.0, 3.0, 0.0])).tolist() == pytest.approx([20, 60, 2])


def test_the_interval_covers_nine_of_ten_new_values() -> None:
    rng = np.random.default_rng(0)
    covered = total = 0
    for _ in range(40):
        std = rng.uniform(0.5, 2.0, 250)
        error = rng.normal(0, 3 * std)
        calibration = Calibration.from_errors(error[:50], np.zeros(50), std[:50])
        covered += int((np.abs(error[50:]) <= calibration.half_width(std[50:])).sum())
        total += 200
    # Calibration sets of 50 rows vary more than the binomial noise.
    assert 0.88 <= covered / total <= 0.94
    assert covered / total > binom.ppf(1e-9, total, 0.87) / total


@given(st.integers(10, 60), st.integers(0, 2**31))
@settings(max_examples=30)
def test_the_calibration_rows_themselves_are_covered(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    calibration = Calibration.from_errors(rng.normal(size=n), rng.normal(size=n), rng.uniform(0, 1, n))
    assert calibration.coverage >= 0.9


def test_each_target_is_calibrated_on_its_own_errors() -> None:
    rows = pd.concat(
        pd.DataFrame(
            {ID: range(9), "target": t, "y_true": np.arange(1.0, 10.0) * scale, "y_pred": 0.0, "y_std": np.nan}
        )
        for scale, t in enumerate(TARGETS, start=1)
    )
    assert [c.factor for c in calibrate(rows).values()] == [9.0, 18.0, 27.0]


def test_an_electrode_that_is_tested_several_times_has_one_vote() -> None:
    once = pd.concat(
        pd.DataFrame({ID: range(9), "target": t, "y_true": np.arange(1.0, 10.0), "y_pred": 0.0, "y_std": np.nan})
        for t in TARGETS
    )
    assert [c.factor for c in calibrate(pd.concat([once] * 3)).values()] == [9.0] * 3
    # By hand: 18 electrodes with errors of 1 to 18, the last with two more tests without an error. The rank is
    # ceil(19 x 0.9) = 18 votes of 18: two thirds of the last vote come first, so that the largest error is reached.
    rows = pd.concat(
        pd.DataFrame({ID: range(18), "target": t, "y_true": np.arange(1.0, 19.0), "y_pred": 0.0, "y_std": np.nan})
        for t in TARGETS
    )
    last = rows[rows[ID] == 17].assign(y_true=0.0)
    found = calibrate(pd.concat([rows, last, last]))
    assert [c.factor for c in found.values()] == [18.0] * 3
    # As rows of their own, the two tests would narrow the interval to the 19th of 20 errors.
    errors = np.array([0.0, 0.0, *range(1, 19)])
    assert Calibration.from_errors(errors, np.zeros(20), np.full(20, np.nan)).factor == 17.0
    # Half of the votes: 1 to 9 with a vote each, and two thirds of a vote at 0, are 9.67 of ceil(19 / 2) = 10 votes.
    weight = np.array([1 / 3, 1 / 3, *[1.0] * 17, 1 / 3])
    half = Calibration.from_errors(errors, np.zeros(20), np.full(20, np.nan), weight=weight, level=0.5)
    assert half.factor == 10.0
    assert half.coverage == pytest.approx((2 / 3 + 10) / 18)
