"""The map as a whole: groups come apart, and electrodes of one composition share a point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from support.compositions import PARAMS, SAMPLED, made_up

from electrode_bench.clustering import elmd, maps
from electrode_bench.clustering.embedding import embed
from electrode_bench.params import Map


@pytest.fixture(scope="module")
def built() -> tuple[pd.DataFrame, dict[str, object]]:
    table, features, _ = made_up()
    return maps.build(table, features, PARAMS, seed=0)


def test_known_groups_are_found(built: tuple[pd.DataFrame, dict]) -> None:
    frame, summary = built
    _, _, truth = made_up()
    assert summary["n_clusters"] == 4
    assert adjusted_rand_score(truth.loc[frame["electrode_id"]], frame["cluster"]) == 1
    assert summary["trustworthiness"] > 0.9
    assert summary["noise_share_electrodes"] == 0


def test_the_frame_is_the_map_file(built: tuple[pd.DataFrame, dict]) -> None:
    frame, _ = built
    assert list(frame.columns) == ["electrode_id", "x", "y", "cluster", "representative"]
    assert frame["electrode_id"].is_monotonic_increasing
    assert frame.dtypes.astype(str).tolist()[1:] == ["float64", "float64", "int64", "bool"]
    assert isinstance(frame.index, pd.RangeIndex)


def test_one_composition_has_one_point(built: tuple[pd.DataFrame, dict]) -> None:
    frame, summary = built
    table, _, _ = made_up()
    formulas = frame["electrode_id"].map(table.set_index("electrode_id")["formula_discharge"])
    assert len(frame) == summary["n_electrodes"] == 160
    assert formulas.nunique() == summary["n_compositions"] == 120
    assert (frame.groupby(formulas)[["x", "y", "cluster"]].nunique() == 1).all(axis=None)


def test_representative_is_the_members_mean_representative(built: tuple[pd.DataFrame, dict]) -> None:
    frame, summary = built
    table, _, _ = made_up()
    rows = frame.merge(table, on="electrode_id")
    assert rows.groupby("cluster")["representative"].sum().tolist() == [1, 1, 1, 1]
    for described in summary["clusters"]:
        members = rows[rows["cluster"] == described["cluster"]]
        formulas = sorted(set(members["formula_discharge"]))
        best = formulas[int(np.argmin(elmd.distances(formulas).sum(axis=1)))]
        (chosen,) = members[members["representative"]].to_dict("records")
        assert chosen["formula_discharge"] == best == described["representative_formula"]
        assert chosen["electrode_id"] == described["representative_id"]
        assert chosen["electrode_id"] == members.loc[members["formula_discharge"] == best, "electrode_id"].min()


def test_summary_counts(built: tuple[pd.DataFrame, dict]) -> None:
    frame, summary = built
    sizes = frame["cluster"].value_counts()
    assert [c["electrodes"] for c in summary["clusters"]] == [sizes[i] for i in range(4)]
    assert sum(c["compositions"] for c in summary["clusters"]) == 120
    assert sum(c["share_compositions"] for c in summary["clusters"]) == pytest.approx(1)
    assert sorted(c["working_ion"] for c in summary["clusters"]) == ["Li", "Li", "Li", "Na"]
    assert {c["working_ion_share"] for c in summary["clusters"]} == {1.0}
    assert summary["method"] == "tsne"
    assert summary["perplexity"] == 10
    assert summary["min_samples"] == 4
    assert summary["eps"] > 0
    assert summary["notes"] == []


@pytest.mark.parametrize("params", [PARAMS, SAMPLED], ids=["all compositions", "a sample"])
def test_the_order_of_rows_does_not_matter(params: Map) -> None:
    table, features, _ = made_up()
    built = maps.build(table, features, params, seed=0)
    shuffled = maps.build(table.sample(frac=1, random_state=1), features.sample(frac=1, random_state=2), params, seed=0)
    pd.testing.assert_frame_equal(shuffled[0], built[0], check_exact=True)
    assert shuffled[1] == built[1]


def test_compositions_with_missing_features_differ_by_the_others() -> None:
    table, features, truth = made_up()
    features = features.assign(sometimes=features["f0"].where(features["f0"] > features["f0"].median()), never=np.nan)
    frame, summary = maps.build(table, features, PARAMS, seed=0)
    assert summary["n_compositions"] == 120
    assert adjusted_rand_score(truth.loc[frame["electrode_id"]], frame["cluster"]) == 1
    again, _ = maps.build(table, features.sample(frac=1, random_state=2), PARAMS, seed=0)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert len(np.unique(embed(features, PARAMS, seed=0).composition)) == 120
