"""Missing features are imputed as a constant below the range of the present ones."""

from __future__ import annotations

import numpy as np

from electrode_bench.core.imputation import BELOW_CENTRED_RANGE, BELOW_UNIT_RANGE, impute


def test_only_missing_values_are_replaced() -> None:
    values = np.array([[0.0, np.nan], [np.nan, 0.5]])
    np.testing.assert_array_equal(impute(values, np.isnan(values), -1.0), [[0.0, -1.0], [-1.0, 0.5]])


def test_each_feature_may_have_its_own_value() -> None:
    values = np.full((2, 3), np.nan)
    np.testing.assert_array_equal(impute(values, np.isnan(values), np.array([1.0, 2.0, 3.0])), [[1, 2, 3], [1, 2, 3]])


def test_both_ranges_put_a_missing_value_at_the_same_distance() -> None:
    """Half a range below the smallest value."""
    assert 0.0 - BELOW_UNIT_RANGE == -0.5 - BELOW_CENTRED_RANGE == 0.5
