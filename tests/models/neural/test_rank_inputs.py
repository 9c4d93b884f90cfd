"""Inputs by rank."""

from __future__ import annotations

import json

import numpy as np
from scipy.stats import norm

from electrode_bench.models.neural.rank_inputs import RankInputs


def test_ranks_become_normal_whatever_the_distribution() -> None:
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(size=2000), np.exp(3 * rng.normal(size=2000))], axis=1)
    scaled = RankInputs.of(values).scaled(values)
    for column in scaled.T:
        np.testing.assert_allclose(np.quantile(column, [0.1, 0.5, 0.9]), norm.ppf([0.1, 0.5, 0.9]), atol=0.05)
    assert np.abs(scaled).max() <= 3
    # Increasing, and bounded far outside.
    order = np.argsort(values[:, 1])
    assert (np.diff(scaled[order, 1]) >= 0).all()
    np.testing.assert_array_equal(RankInputs.of(values).scaled(np.array([[1e9, -1e9]])), [[3, -3]])


def test_equal_values_get_the_middle_of_their_ranks() -> None:
    values = np.array([0.0] * 100 + [1.0] * 200 + [2.0] * 100)[:, None]
    found = RankInputs.of(values).scaled(np.array([[1.0], [0.0], [2.0]]))
    np.testing.assert_allclose(found[0], 0, atol=0.05)
    np.testing.assert_allclose(found[1], -found[2], atol=0.05)


def test_two_values_missing_ones_and_constants() -> None:
    values = np.array([[0.0, np.nan, np.nan, 7], [1, 3, np.nan, 7], [0, 4, np.nan, 7], [1, 5, np.nan, 7]])
    inputs = RankInputs.of(values)
    assert inputs.width == 5
    scaled = inputs.scaled(values)
    np.testing.assert_array_equal(scaled[:, 0], [-1, 1, -1, 1])
    np.testing.assert_array_equal(scaled[:, 4], [2, 0, 0, 0])
    assert scaled[0, 1] == 0
    np.testing.assert_array_equal(scaled[:, 2:4], 0)
    again = RankInputs.from_json(json.loads(json.dumps(inputs.to_json())))
    np.testing.assert_array_equal(again.scaled(values), scaled)
