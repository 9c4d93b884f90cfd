"""Clusters of points, whatever their order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.cluster
from scipy.spatial.distance import cdist

from electrode_bench.clustering.clusters import _hierarchy, cluster
from electrode_bench.errors import UserError
from electrode_bench.params import DBSCAN


def blobs(*sizes: int, noise: int = 0) -> pd.DataFrame:
    """Tight groups of ``sizes`` points 10 apart, and lone points 100 apart."""
    rng = np.random.default_rng(1)
    groups = [np.array([10.0 * i, 0]) + 0.3 * rng.uniform(-1, 1, size=(size, 2)) for i, size in enumerate(sizes)]
    lone = [[[0, 100.0 * (k + 1)]] for k in range(noise)]
    points = np.concatenate([*groups, *lone])
    return pd.DataFrame(points, columns=["x", "y"], index=[f"p{i:03d}" for i in range(len(points))])


def test_clusters_are_numbered_by_size_then_smallest_label() -> None:
    points = blobs(6, 9, 6, noise=1)
    labels, eps = cluster(points, DBSCAN(eps=1.0, min_samples=3))
    assert eps == 1.0
    assert labels.tolist() == [1] * 6 + [0] * 9 + [2] * 6 + [-1]
    shuffled, _ = cluster(points.sample(frac=1, random_state=0), DBSCAN(eps=1.0, min_samples=3))
    assert shuffled.reindex(points.index).equals(labels)


def test_border_points_do_not_depend_on_the_order() -> None:
    # b lies within reach of a core point on either side and is no core point itself.
    x = {"a1": 0.0, "a2": 0.1, "a3": 0.2, "b": 1.1, "c1": 2.0, "c2": 2.1, "c3": 2.2}
    points = pd.DataFrame({"x": x, "y": 0.0})
    params = DBSCAN(eps=0.95, min_samples=4)
    labels, _ = cluster(points, params)
    assert labels["a1"] != labels["c1"]
    for order in (points.index[::-1], ["b", "c1", "a1", "c2", "a2", "c3", "a3"]):
        assert cluster(points.loc[order], params)[0].reindex(points.index).equals(labels)


@pytest.mark.parametrize(("wanted", "found"), [(3, 3), (1, 1), (2, 2), (9, 3)])
def test_auto_eps_comes_nearest_to_the_clusters_wanted(wanted: int, found: int) -> None:
    # Gaps of nearly 10 and 20: three groups, then two, then one. A group of five cannot fall apart.
    points = blobs(5, 5, 5)
    points.loc[points["x"] > 15, "x"] += 10
    labels, eps = cluster(points, DBSCAN(clusters=wanted, min_samples=5))
    assert labels.max() + 1 == found
    assert (labels >= 0).all()
    again = cluster(points, DBSCAN(eps=eps, min_samples=5))[0]
    assert again.equals(labels)


def test_auto_eps_takes_less_noise_at_the_same_number_of_clusters() -> None:
    points = blobs(12, 12)
    points.loc["late"] = [0.0, 3.0]  # outside the group at first, inside with a wider radius
    labels, eps = cluster(points, DBSCAN(clusters=2, min_samples=5))
    assert labels["late"] == labels["p000"]
    assert 2 < eps < 9.5


def test_no_cluster_says_which_parameter_to_change() -> None:
    points = blobs(2, 2, noise=2)
    with pytest.raises(UserError, match=r"no cluster.*6 compositions.*min_samples \(7\).*lower it$"):
        cluster(points, DBSCAN(min_samples=7))
    with pytest.raises(UserError, match=r"min_samples \(3\).*lower it, or raise map\.dbscan\.eps \(0\.01\)"):
        cluster(points, DBSCAN(eps=0.01, min_samples=3))


@pytest.mark.parametrize("seed", range(6))
def test_the_tree_finds_what_dbscan_finds_at_every_radius(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plane = np.concatenate([rng.normal(size=(40, 2)), 6 + 2 * rng.normal(size=(30, 2)), rng.uniform(-20, 20, (10, 2))])
    between = cdist(plane, plane)
    reach = np.sort(between, axis=1)[:, 3]
    joins, noise_below = _hierarchy(plane, reach)
    for eps in np.geomspace(0.05, 50, 60):
        labels = sklearn.cluster.DBSCAN(eps=eps, min_samples=4).fit_predict(plane)
        assert (reach <= eps).sum() - (joins <= eps).sum() == labels.max() + 1
        np.testing.assert_array_equal(noise_below > eps, labels == -1)
