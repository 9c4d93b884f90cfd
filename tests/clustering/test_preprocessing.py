"""Features as an embedding reads them."""

from __future__ import annotations

import numpy as np

from electrode_bench.clustering.preprocessing import principal_components, scale


def test_a_missing_feature_is_imputed_half_a_range_below_the_smallest() -> None:
    # Columns: ordinary, constant where present, never present, constant, never missing.
    nan = np.nan
    values = np.array([[2.0, 7.0, nan, 1.0, 0.0], [nan, 7.0, nan, 1.0, 5.0], [4.0, nan, nan, 1.0, 10.0]])
    scaled = scale(np.where(np.isnan(values), -np.inf, values))
    assert scaled.tolist() == [[0, 0, 0], [-0.5, 0, 0.5], [1, -0.5, 1]]


def test_mirrored_loadings_do_not_leave_the_sign_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((40, 6))
    # The last column mirrors the one before: their loadings are equal and opposite.
    values = np.column_stack([values, 5 * values[:, 0], 1 - 5 * values[:, 0]])
    plain = principal_components(values)
    for _ in range(20):
        noisy = values * (1 + rng.normal(0, 1e-15, values.shape))
        np.testing.assert_allclose(principal_components(noisy), plain, atol=1e-6)
