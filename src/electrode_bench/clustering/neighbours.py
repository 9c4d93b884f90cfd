"""Nearest neighbours of many points, measured in blocks of rows: no matrix of all distances is kept.

All distances of 22,000 compositions are 3.9 GB, and methods that are given them copy them several times. t-SNE and UMAP
use the nearest neighbours of each point only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Distances that are in memory at a time.
BLOCK = 8_000_000


def nearest(values: np.ndarray, number: int, *, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """The nearest neighbours of each point among all points, by Euclidean distance.

    Parameters
    ----------
    values : shape (n_points, n_features).
    number : of neighbours, itself not counted.
    block : how many distances are in memory at a time; it changes no number.

    Returns
    -------
    indices, distances : shape (n_points, number + 1), nearest first; each point comes first, at distance 0. Of equally
        near ones, the one with the smallest index is first.
    """
    n = len(values)
    indices, distances = np.empty((n, number + 1), dtype=np.int64), np.zeros((n, number + 1))
    for first, between in _blocks(values, block):
        rows = np.arange(len(between))
        # Before every other point at distance 0.
        between[rows, first + rows] = -1.0
        chosen = np.sort(np.argpartition(between, number, axis=1)[:, : number + 1], axis=1)
        of_chosen = np.take_along_axis(between, chosen, axis=1)
        order = np.argsort(of_chosen, axis=1, kind="stable")
        indices[first : first + len(between)] = np.take_along_axis(chosen, order, axis=1)
        distances[first : first + len(between), 1:] = np.take_along_axis(of_chosen, order, axis=1)[:, 1:]
    return indices, distances


def trustworthiness(values: np.ndarray, plane: np.ndarray, *, number: int, block: int = BLOCK) -> float:
    """Between 0 and 1: how far the nearest neighbours in the plane are neighbours in ``values`` too.

    As :func:`sklearn.manifold.trustworthiness`, which keeps five matrices of n x n numbers (J. Venna and S. Kaski,
    ICANN 2001).

    Parameters
    ----------
    values, plane : the points before and after, shapes (n_points, n_features) and (n_points, 2).
    number : of neighbours; less than half the number of points.
    block : as for :func:`nearest`.
    """
    from sklearn.neighbors import NearestNeighbors

    n = len(values)
    in_plane = NearestNeighbors(n_neighbors=number).fit(plane).kneighbors(return_distance=False)
    excess = 0
    for first, between in _blocks(values, block):
        rows = np.arange(len(between))
        between[rows, first + rows] = np.inf
        order = np.argsort(between, axis=1)
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(1, n + 1)[None, :], axis=1)
        beyond = np.take_along_axis(ranks, in_plane[first : first + len(between)], axis=1) - number
        excess += int(beyond[beyond > 0].sum())
    return float(1.0 - excess * (2.0 / (n * number * (2.0 * n - 3.0 * number - 1.0))))


def _blocks(values: np.ndarray, block: int) -> Iterator[tuple[int, np.ndarray]]:
    """The first row of each block, and the distances of its rows to all points."""
    from scipy.spatial.distance import cdist

    size = max(1, block // len(values))
    for first in range(0, len(values), size):
        # cdist sums a pair's differences in order: the same bits for any number of threads and rows.
        yield first, cdist(values[first : first + size], values)
