"""Piecewise-linear encoding of features."""

from __future__ import annotations

import json

import numpy as np

from electrode_bench.models.neural.electrode_inputs import ElectrodeInputs
from electrode_bench.models.neural.piecewise import Piecewise


def test_the_encoding_matches_a_calculation_by_hand() -> None:
    values = np.array([[0.0], [1], [2], [4], [8]])
    # Quartiles are the edges: 0, 1, 2, 4, 8.
    encoding = Piecewise.of(values, bins=4)
    assert encoding.width == 4
    expected = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(encoding.scaled(values), 1.5 * (expected - expected.mean(axis=0)), atol=1e-6)
    between = encoding.scaled(np.array([[3.0], [-7], [99], [np.nan]])) / 1.5 + expected.mean(axis=0)
    np.testing.assert_allclose(between, [[1, 1, 0.5, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], atol=1e-6)


def test_features_of_one_interval_are_left_out() -> None:
    values = np.array([[0.0, np.nan, 7, 1], [1, np.nan, 7, 2], [1, np.nan, 7, 3]])
    encoding = Piecewise.of(values, bins=2)
    assert encoding.width == 2
    assert encoding.scaled(values).shape == (3, 2)
    again = Piecewise.from_json(json.loads(json.dumps(encoding.to_json())))
    np.testing.assert_array_equal(again.scaled(values), encoding.scaled(values))


def test_the_inputs_of_electrodes_are_ranks_and_encodings() -> None:
    values = np.stack([np.arange(20.0), np.arange(20.0) ** 2, np.arange(20.0) % 2], axis=1)
    inputs = ElectrodeInputs.of(values, encoded=[1], bins=4)
    assert inputs.width == 7
    assert inputs.scaled(values).shape == (20, 7)
    assert inputs.scaled(values).dtype == np.float32
    again = ElectrodeInputs.from_json(json.loads(json.dumps(inputs.to_json())))
    np.testing.assert_array_equal(again.scaled(values), inputs.scaled(values))
    assert ElectrodeInputs.of(values, encoded=[1], bins=0).width == 3
