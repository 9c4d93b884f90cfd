"""Clusters on the map: DBSCAN, with a radius that is given or that leads to a given number of clusters."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from electrode_bench.clustering.memory import MOST_PAIRS
from electrode_bench.core.schema import NOISE
from electrode_bench.errors import UserError
from electrode_bench.params import DBSCAN

_EPS_STEPS = 400


def cluster(points: pd.DataFrame, params: DBSCAN) -> tuple[pd.Series, float]:
    """DBSCAN labels of points on the map, and the radius used.

    Parameters
    ----------
    points : columns x and y, one row for each composition, with a unique index.
    params : with eps "auto" the radius is found by a scan: of 400 radii, the one whose number of clusters is nearest to
        ``params.clusters``, then with the least noise, then the smallest. On a large map, radii with more than
        100 million pairs of neighbours are left out, for which DBSCAN would need gigabytes.

    Returns
    -------
    Labels on the index of ``points``: 0 for the largest cluster and so on, of equally large ones the one with the
    smallest index label first; -1 for noise. They do not depend on the order of the rows.

    Raises
    ------
    UserError
        When no cluster is found, or a given radius makes so many pairs of neighbours that memory would run out.
    """
    # DBSCAN gives a border point to the first cluster that reaches it.
    ordered = points.sort_index()
    plane = ordered[["x", "y"]].to_numpy(dtype=np.float64)
    eps = _scan(plane, params) if params.eps == "auto" else float(params.eps)
    if params.eps != "auto" and (pairs := _pairs(plane, eps)) > MOST_PAIRS:
        raise UserError(
            f"map.dbscan.eps ({eps:g}) makes {pairs:,} pairs of neighbours among {len(points):,} compositions, for "
            f"which DBSCAN needs about {pairs * 16 / 1e9:.0f} GB of memory; lower it, or set it to auto"
        )
    labels = _dbscan(plane, eps=eps, min_samples=params.min_samples)
    if labels.max() < 0:
        change = "lower it" if params.eps == "auto" else f"lower it, or raise map.dbscan.eps ({eps:g})"
        raise UserError(
            f"no cluster on the map: none of its {len(points)} compositions has map.dbscan.min_samples "
            f"({params.min_samples}) compositions near it; {change}"
        )
    as_found = pd.Series(labels, index=ordered.index)
    return as_found.map(_numbers(as_found)).reindex(points.index).astype(np.int64).rename("cluster"), eps


def _numbers(labels: pd.Series) -> dict[int, int]:
    """DBSCAN's label -> number by size; ``labels`` in the order of their index."""
    all_labels = labels.to_numpy()
    distinct, first, sizes = np.unique(all_labels[all_labels != NOISE], return_index=True, return_counts=True)
    ranked = sorted(range(len(distinct)), key=lambda i: (-sizes[i], first[i]))
    return {NOISE: NOISE, **{int(distinct[i]): number for number, i in enumerate(ranked)}}


def _scan(plane: np.ndarray, params: DBSCAN) -> float:
    """The radius that eps "auto" means (see :func:`cluster`)."""
    from sklearn.neighbors import NearestNeighbors

    k = min(params.min_samples, len(plane))
    reach = NearestNeighbors(n_neighbors=k).fit(plane).kneighbors(plane)[0][:, -1]
    # Below the smallest radius nearly all points are noise; at the largest all are one cluster.
    low = max(float(np.quantile(reach, 0.05)), float(reach.max()) * 1e-3, 1e-6)
    high = max(float(np.hypot(*np.ptp(plane, axis=0))), low * 2)
    radii = np.geomspace(low, high, _EPS_STEPS)
    if len(plane) ** 2 > MOST_PAIRS:
        radii = np.array([*itertools.takewhile(lambda eps: _pairs(plane, float(eps)) <= MOST_PAIRS, radii)])
    # With fewer points than min_samples, no point has as many neighbours.
    joins, noise_below = _hierarchy(plane, reach if k == params.min_samples else np.full(len(plane), np.inf))
    best: tuple[int, float, float] | None = None
    for eps in radii.tolist():
        core = int(np.count_nonzero(reach <= eps)) if k == params.min_samples else 0
        count = core - int(np.count_nonzero(joins <= eps))
        score = (abs(count - params.clusters), float((noise_below > eps).mean()), eps)
        if count > 0 and (best is None or score < best):
            best = score
    return float(high if best is None else best[2])


def _hierarchy(plane: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What DBSCAN finds at every radius, from one minimum spanning tree.

    Two points are in one cluster from the radius on at which both have ``min_samples`` neighbours (``reach``) and a
    path of such points connects them: the largest edge on their path in the minimum spanning tree of the mutual
    reachability distances (R. Campello et al., PAKDD 2013).

    Parameters
    ----------
    reach : shape (n_points,), the radius from which on each point is the core of a cluster.

    Returns
    -------
    joins : shape (n_points - 1,), radii at which two clusters become one.
    noise_below : shape (n_points,), the radius below which each point is noise.
    """
    n = len(plane)
    x, y = np.ascontiguousarray(plane.T)
    joins, noise_below, outside = np.empty(n - 1), reach.copy(), np.ones(n, dtype=bool)
    nearest_inside, at = np.full(n, np.inf), 0
    for step in range(n):
        outside[at] = False
        reached = np.maximum(np.hypot(x - x[at], y - y[at]), reach[at])
        np.minimum(noise_below, reached, out=noise_below)
        np.minimum(nearest_inside, np.maximum(reached, reach), out=nearest_inside)
        if step < n - 1:
            candidates = np.where(outside, nearest_inside, np.inf)
            at = int(candidates.argmin())
            if not outside[at]:
                at = int(outside.argmax())  # all that are left can never be reached
            joins[step] = nearest_inside[at]
    return joins, noise_below


def _pairs(plane: np.ndarray, eps: float) -> int:
    """How many pairs of points lie within ``eps``, each counted twice and every point with itself."""
    from scipy.spatial import cKDTree

    tree = cKDTree(plane)
    return int(tree.count_neighbors(tree, eps))


def _dbscan(plane: np.ndarray, *, eps: float, min_samples: int) -> np.ndarray:
    from sklearn.cluster import DBSCAN as Method

    return np.asarray(Method(eps=eps, min_samples=min_samples).fit_predict(plane))
