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
