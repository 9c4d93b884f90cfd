"""Nearest neighbours of many points, measured in blocks of rows: no matrix of all distances is kept.

All distances of 22,000 compositions are 3.9 GB, and methods that are given them copy them several times. t-SNE and UMAP
use the nearest neighbours of each point only.

A matrix product gives all squared distances of a block quickly, but only to rounding. So it only excludes pairs that
cannot matter. The others are measured one by one, with the same bits for any linear algebra library and any number of
threads.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Distances that are in memory at a time.
BLOCK = 8_000_000

#: Bound of the relative error of a squared distance from a matrix product; the real one is about a hundredth of it.
_ROUNDING = 1e-11


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
    for first, squares, margin in _blocks(values, values, block):
        rows = np.arange(len(squares))
        # Before every other point at distance 0.
        squares[rows, first + rows] = -np.inf
        for row, found, between in _candidates(values, values, first, squares, margin, number + 1):
            between[found == row] = -1.0
            order = np.argsort(between, kind="stable")[: number + 1]
            indices[row], distances[row, 1:] = found[order], between[order][1:]
    return indices, distances


def nearest_among(points: np.ndarray, values: np.ndarray, number: int, *, block: int = BLOCK) -> np.ndarray:
    """Indices of the nearest ``values`` of each point, shape (n_points, number), nearest first.

    Parameters
    ----------
    points, values : shapes (n_points, n_features) and (n_values, n_features).
    number : of neighbours, at most the number of values. Of equally near ones, the one with the smallest index is
        first.
    block : as for :func:`nearest`.
    """
    indices = np.empty((len(points), number), dtype=np.int64)
    for first, squares, margin in _blocks(points, values, block):
        for row, found, between in _candidates(points, values, first, squares, margin, number):
            indices[row] = found[np.argsort(between, kind="stable")[:number]]
    return indices


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
    for first, squares, margin in _blocks(values, values, block):
        for row, own in enumerate(squares, start=first):
            own[row] = np.inf
            for other in in_plane[row]:
                rank = 1 + int(np.count_nonzero(own < own[other] - margin))
                # A neighbour in the plane that is one in the values too adds nothing, however the ties are broken.
                close = np.flatnonzero(np.abs(own - own[other]) <= margin)
                if len(close) > 1 and rank + len(close) - 1 > number:
                    between = _measured(values[row], values[close])
                    mine = between[close == other][0]
                    rank += int(np.count_nonzero((between < mine) | ((between == mine) & (close < other))))
                excess += max(0, rank - number)
    return float(1.0 - excess * (2.0 / (n * number * (2.0 * n - 3.0 * number - 1.0))))


def _blocks(points: np.ndarray, values: np.ndarray, block: int) -> Iterator[tuple[int, np.ndarray, float]]:
    """The first row of each block, squared distances of its rows to all values, and how wrong they may be."""
    # Around a common centre the numbers are small, and so are the rounding errors.
    centre = values.mean(axis=0)
    points, values = points - centre, values - centre
    of_points, of_values = np.einsum("ij,ij->i", points, points), np.einsum("ij,ij->i", values, values)
    margin = _ROUNDING * float(of_points.max(initial=0.0) + of_values.max(initial=0.0))
    size = max(1, block // len(values))
    for first in range(0, len(points), size):
        rows = slice(first, first + size)
        yield first, of_points[rows, None] + of_values[None, :] - 2.0 * (points[rows] @ values.T), margin


def _candidates(
    points: np.ndarray, values: np.ndarray, first: int, squares: np.ndarray, margin: float, number: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each row of a block: its number, the values that may be among its nearest ones, and their distances."""
    last = np.partition(squares, number - 1, axis=1)[:, number - 1]
    for row, (own, limit) in enumerate(zip(squares, last, strict=True), start=first):
        # Two squared distances are each wrong by as much as the margin.
        found = np.flatnonzero(own <= limit + 2 * margin)
        yield row, found, _measured(points[row], values[found])


def _measured(point: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Distances of a point to some values, shape (n_values,)."""
    from scipy.spatial.distance import cdist

    # cdist sums a pair's differences in order: the same bits for any number of threads and rows.
    return np.asarray(cdist(point[None, :], values)[0])
