"""A map of more compositions than are embedded: a sample is, and the others are placed beside it."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from support.compositions import PARAMS, SAMPLED, made_up

from electrode_bench.clustering import maps
from electrode_bench.clustering.embedding import embed


@pytest.fixture(scope="module")
def built() -> tuple[pd.DataFrame, dict]:
    table, features, _ = made_up()
    return maps.build(table, features, SAMPLED, seed=0)


def test_known_groups_are_found_from_half_of_the_compositions(built: tuple[pd.DataFrame, dict]) -> None:
    frame, summary = built
    _, _, truth = made_up()
    assert summary["n_compositions"] == 120
    assert summary["n_clusters"] == 4
    assert adjusted_rand_score(truth.loc[frame["electrode_id"]], frame["cluster"]) == 1
    assert sum(c["compositions"] for c in summary["clusters"]) == 120
    assert frame[["x", "y"]].notna().all(axis=None)
    assert frame.groupby("cluster")["representative"].sum().tolist() == [1, 1, 1, 1]


def test_the_summary_says_so(built: tuple[pd.DataFrame, dict]) -> None:
    (note,) = built[1]["notes"]
    assert note.startswith("of 120 compositions, a random sample of 60 was embedded and clustered (map.exact)")


def test_as_many_compositions_as_are_embedded_need_no_sample() -> None:
    table, features, _ = made_up()
    exactly = PARAMS.model_copy(update={"exact": 120})
    all_of_them, summary = maps.build(table, features, exactly, seed=0)
    pd.testing.assert_frame_equal(all_of_them, maps.build(table, features, PARAMS, seed=0)[0], check_exact=True)
    assert summary["notes"] == []


def test_another_seed_takes_another_sample() -> None:
    _, features, _ = made_up()
    first, second = (embed(features, SAMPLED, seed=seed).beside for seed in (0, 1))
    assert set(first) != set(second)
    assert first.nunique() == second.nunique() == 60


def test_a_composition_that_is_not_embedded_lies_among_its_nearest_ones() -> None:
    _, features, truth = made_up()
    embedding = embed(features, SAMPLED, seed=0)
    placed = embedding.beside != embedding.composition
    assert 0 < placed.sum() < len(features)
    group_of = pd.Series(truth.to_numpy(), index=embedding.composition.loc[truth.index].to_numpy()).groupby(level=0)
    assert (embedding.beside.map(group_of.first()) == truth.reindex(features.index)).all()
    for group in range(4):
        own = truth.reindex(features.index) == group
        low, high = (embedding.points[own & ~placed].agg(f) for f in ("min", "max"))
        assert ((embedding.points[own & placed] >= low) & (embedding.points[own & placed] <= high)).all(axis=None)
