"""Neighbours stay neighbours, and nothing depends on the order of rows or the number of threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors
from support.compositions import PARAMS, made_up
from threadpoolctl import threadpool_limits

from electrode_bench.clustering.embedding import embed
from electrode_bench.errors import UserError
from electrode_bench.params import Map


def test_neighbours_in_features_are_neighbours_on_the_map() -> None:
    _, features, _ = made_up(groups=5, each=40, width=0.3)
    embedding = embed(features, PARAMS, seed=0)
    first = ~embedding.composition.duplicated()
    near = [
        NearestNeighbors(n_neighbors=11).fit(x).kneighbors(x, return_distance=False)[:, 1:]
        for x in (features[first].to_numpy(), embedding.points[first].to_numpy())
    ]
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert kept > 0.5  # by chance it would be 10 of 199, 0.05


def test_threads_do_not_matter() -> None:
    _, features, _ = made_up()
    points = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            points.append(embed(features, PARAMS, seed=0).points)
    pd.testing.assert_frame_equal(*points, check_exact=True)


def test_umap_gives_the_same_map_whatever_the_order_and_the_threads() -> None:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(np.concatenate([c + 0.05 * rng.normal(size=(20, 4)) for c in 2 * np.eye(4)[:3]]))
    features = pd.concat([features, features.iloc[:5]], ignore_index=True)
    maps_made = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            shuffled = features.sample(frac=1, random_state=threads)
            maps_made.append(embed(shuffled, Map(method="umap"), seed=5))
    first, second = maps_made
    pd.testing.assert_frame_equal(first.points.sort_index(), second.points.sort_index(), check_exact=True)
    assert first.trustworthiness == second.trustworthiness > 0.8
    assert first.parameters == {"method": "umap", "features": "modnet", "n_neighbors": 15, "min_dist": 0.1}
    points = first.points.sort_index().to_numpy()
    np.testing.assert_array_equal(points[:5], points[60:])
    groups = points[:60].reshape(3, 20, 2)
    centres = groups.mean(axis=1)
    inside = np.linalg.norm(groups - centres[:, None], axis=2).max()
    assert inside < min(np.linalg.norm(centres[i] - centres[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_small_tables_get_a_lower_perplexity_and_a_note() -> None:
    rng = np.random.default_rng(0)
    embedding = embed(pd.DataFrame(rng.normal(size=(7, 3))), Map(), seed=0)
    assert embedding.parameters["perplexity"] == 2
    assert embedding.notes == ("perplexity 30 was lowered to 2 for 7 compositions",)
    assert np.isfinite(embedding.points.to_numpy()).all()


def test_umap_neighbours_are_capped() -> None:
    rng = np.random.default_rng(0)
    embedding = embed(pd.DataFrame(rng.normal(size=(9, 3))), Map(method="umap"), seed=0)
    assert embedding.parameters["n_neighbors"] == 8
    assert embedding.notes == ("n_neighbors 15 was lowered to 8 for 9 compositions",)


def test_one_varying_feature_is_enough() -> None:
    embedding = embed(pd.DataFrame({"a": np.arange(12.0), "b": 3.0}), Map(), seed=0)
    assert np.isfinite(embedding.points.to_numpy()).all()
    assert embedding.points["x"].nunique() > 6


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_too_few_compositions(method: str) -> None:
    features = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 4.0, 1.0]})
    with pytest.raises(
        UserError, match=r"at least 5 distinct compositions, but the table has 4; use a larger snapshot"
    ):
        embed(features, Map(method=method), seed=0)


def test_feature_that_is_infinite() -> None:
    with pytest.raises(ValueError, match="infinite"):
        embed(pd.DataFrame({"a": [1.0, 2.0, np.inf, 4.0, 5.0]}), Map(), seed=0)
