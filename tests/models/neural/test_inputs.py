"""MODNet's inputs: scaling, clipping and imputation."""

from __future__ import annotations

import numpy as np

from electrode_bench.models.neural.inputs import Inputs


def test_scaled_inputs_match_a_calculation_by_hand() -> None:
    values = np.array([[0.0, 5, np.nan, 1], [2, 5, np.nan, np.nan], [4, 5, np.nan, 3]])
    inputs = Inputs.of(values, kind="minmax")
    expected = [[-0.5, 0, -1, -0.5], [0, 0, -1, -1], [0.5, 0, -1, 0.5]]
    np.testing.assert_array_equal(inputs.scaled(values), np.array(expected, dtype=np.float32))
    np.testing.assert_array_equal(inputs.scaled(np.array([[99.0, 9, 9, -9]])), [[0.5, 0, 0, -0.5]])
    inputs = Inputs.of(values, kind="standard")
    np.testing.assert_allclose(inputs.scaled(values)[:, 0], [-(1.5**0.5), 0, 1.5**0.5], rtol=1e-6)
    np.testing.assert_array_equal(inputs.scaled(values)[:, 1:], [[0, -5, -1], [0, -5, -5], [0, -5, 1]])
    np.testing.assert_array_equal(Inputs(**inputs.to_json()).scaled(values), inputs.scaled(values))
