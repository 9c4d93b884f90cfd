"""Neighbours measured in blocks are those of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn import manifold

from electrode_bench.clustering.neighbours import nearest, nearest_among, trustworthiness


@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_nearest_are_those_of_all_distances(n: int, features: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, (n, features)).astype(float) if ties else rng.normal(size=(n, features))
    number = int(rng.integers(1, n))
    indices, distances = nearest(values, number, block=int(rng.integers(1, 200)))
    all_distances = cdist(values, values)
    np.testing.assert_array_equal(indices[:, 0], np.arange(n))
    np.testing.assert_array_equal(distances, np.take_along_axis(all_distances, indices, axis=1))
    np.fill_diagonal(all_distances, -1)
    expected = np.sort(all_distances, axis=1)[:, 1 : number + 1]
    np.testing.assert_array_equal(distances[:, 1:], expected)
    assert all(len(set(row)) == number + 1 for row in indices.tolist())


@pytest.mark.parametrize("block", [1, 70, 10**6])
def test_the_nearest_among_others_are_those_of_all_distances(block: int) -> None:
    rng = np.random.default_rng(0)
    points, values = rng.integers(0, 4, (25, 3)).astype(float), rng.integers(0, 4, (60, 3)).astype(float)
    expected = np.argsort(cdist(points, values), axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(nearest_among(points, values, 7, block=block), expected)


def test_trustworthiness_does_not_depend_on_ties_in_a_matrix_product() -> None:
    rng = np.random.default_rng(1)
    values = 1e6 + rng.integers(0, 3, (80, 4)) / 3
    plane = values[:, :2] + rng.normal(size=(80, 2))
    distances = cdist(values, values)
    np.fill_diagonal(distances, np.inf)
    ranks = np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1) + 1
    in_plane = cdist(plane, plane)
    np.fill_diagonal(in_plane, np.inf)
    near = np.argsort(in_plane, axis=1)[:, :10]
    excess = np.maximum(0, np.take_along_axis(ranks, near, axis=1) - 10).sum()
    expected = 1 - excess * 2 / (80 * 10 * (160 - 30 - 1))
    assert trustworthiness(values, plane, number=10) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("block", [1, 700, 10**6])
def test_trustworthiness_is_that_of_scikit_learn(block: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(90, 6))
    plane = values[:, :2] + rng.normal(size=(90, 2))
    expected = manifold.trustworthiness(values, plane, n_neighbors=10)
    assert trustworthiness(values, plane, number=10, block=block) == pytest.approx(expected, abs=1e-14)
