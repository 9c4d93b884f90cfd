"""The map, by its behaviour: groups come apart, neighbours stay, nothing depends on the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from electrode_bench.clustering import elmd, maps
from electrode_bench.errors import UserError
from electrode_bench.params import DBSCAN, TSNE, UMAP, Map

METALS = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo"]
PARAMS = Map(tsne=TSNE(perplexity=10, max_iter=500), dbscan=DBSCAN(clusters=4, min_samples=4))


def made_up(groups: int = 4, each: int = 30, *, spread: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Table, features and true group: ``groups`` of ``each`` compositions, every third on two electrodes."""
    rng = np.random.default_rng(3)
    rows = []
    for group in range(groups):
        centre = rng.normal(size=6)
        for i in range(each):
            features = centre + spread * rng.normal(size=6)
            formula = f"Li{i + 1}{METALS[group]}{i % 7 + 1}O{group + 2}"
            rows += [(formula, group, features)] * (2 if i % 3 == 0 else 1)
    ids = [f"made-up-{k:03d}" for k in rng.permutation(len(rows))]
    table = pd.DataFrame(
        {
            "electrode_id": ids,
            "formula_discharge": [r[0] for r in rows],
            "working_ion": ["Li" if r[1] else "Na" for r in rows],
        }
    ).sort_values("electrode_id", ignore_index=True)
    features = pd.DataFrame([r[2] for r in rows], index=ids).assign(constant=1.0)
    features.columns = [f"f{j}" for j in range(features.shape[1])]
    return table, features, pd.Series([r[1] for r in rows], index=ids)


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


def test_neighbours_in_features_are_neighbours_on_the_map() -> None:
    _, features, _ = made_up(groups=5, each=40, spread=0.3)
    embedding = maps.embed(features, PARAMS, seed=0)
    first = ~embedding.composition.duplicated()
    near = [
        NearestNeighbors(n_neighbors=11).fit(x).kneighbors(x, return_distance=False)[:, 1:]
        for x in (features[first].to_numpy(), embedding.points[first].to_numpy())
    ]
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    assert kept > 0.5  # by chance it would be 10 of 199, 0.05


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


def test_the_order_of_rows_does_not_matter(built: tuple[pd.DataFrame, dict]) -> None:
    table, features, _ = made_up()
    shuffled = maps.build(table.sample(frac=1, random_state=1), features.sample(frac=1, random_state=2), PARAMS, seed=0)
    pd.testing.assert_frame_equal(shuffled[0], built[0], check_exact=True)
    assert shuffled[1] == built[1]


def test_threads_do_not_matter() -> None:
    _, features, _ = made_up()
    points = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            points.append(maps.embed(features, PARAMS, seed=0).points)
    pd.testing.assert_frame_equal(*points, check_exact=True)


def test_umap_gives_the_same_map_whatever_the_order_and_the_threads() -> None:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(np.concatenate([c + 0.05 * rng.normal(size=(20, 4)) for c in 2 * np.eye(4)[:3]]))
    features = pd.concat([features, features.iloc[:5]], ignore_index=True)
    maps_made = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            shuffled = features.sample(frac=1, random_state=threads)
            maps_made.append(maps.embed(shuffled, Map(method="umap"), seed=5))
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
    embedding = maps.embed(pd.DataFrame(rng.normal(size=(7, 3))), Map(), seed=0)
    assert embedding.parameters["perplexity"] == 2
    assert embedding.notes == ("perplexity 30 was lowered to 2 for 7 compositions",)
    assert np.isfinite(embedding.points.to_numpy()).all()


def test_one_varying_feature_is_enough() -> None:
    embedding = maps.embed(pd.DataFrame({"a": np.arange(12.0), "b": 3.0}), Map(), seed=0)
    assert np.isfinite(embedding.points.to_numpy()).all()
    assert embedding.points["x"].nunique() > 6


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_too_few_compositions(method: str) -> None:
    features = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 4.0, 1.0]})
    with pytest.raises(
        UserError, match=r"at least 5 distinct compositions, but the table has 4; use a larger snapshot"
    ):
        maps.embed(features, Map(method=method), seed=0)


def test_feature_that_is_infinite() -> None:
    with pytest.raises(ValueError, match="infinite"):
        maps.embed(pd.DataFrame({"a": [1.0, 2.0, np.inf, 4.0, 5.0]}), Map(), seed=0)


def test_a_missing_feature_stands_half_a_range_below_the_smallest() -> None:
    # Columns: ordinary, constant where known, never known, constant, never missing.
    nan = np.nan
    values = np.array([[2.0, 7.0, nan, 1.0, 0.0], [nan, 7.0, nan, 1.0, 5.0], [4.0, nan, nan, 1.0, 10.0]])
    scaled = maps._scale(np.where(np.isnan(values), -np.inf, values))
    assert scaled.tolist() == [[0, 0, 0], [-0.5, 0, 0.5], [1, -0.5, 1]]


def test_compositions_with_missing_features_are_told_apart_by_the_others() -> None:
    table, features, truth = made_up()
    features = features.assign(sometimes=features["f0"].where(features["f0"] > features["f0"].median()), never=np.nan)
    frame, summary = maps.build(table, features, PARAMS, seed=0)
    assert summary["n_compositions"] == 120
    assert adjusted_rand_score(truth.loc[frame["electrode_id"]], frame["cluster"]) == 1
    again, _ = maps.build(table, features.sample(frac=1, random_state=2), PARAMS, seed=0)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert len(np.unique(maps.embed(features, PARAMS, seed=0).composition)) == 120


def blobs(*sizes: int, noise: int = 0) -> pd.DataFrame:
    """Tight groups of ``sizes`` points 10 apart, and lone points 100 apart."""
    rng = np.random.default_rng(1)
    groups = [np.array([10.0 * i, 0]) + 0.3 * rng.uniform(-1, 1, size=(size, 2)) for i, size in enumerate(sizes)]
    lone = [[[0, 100.0 * (k + 1)]] for k in range(noise)]
    points = np.concatenate([*groups, *lone])
    return pd.DataFrame(points, columns=["x", "y"], index=[f"p{i:03d}" for i in range(len(points))])


def test_clusters_are_numbered_by_size_then_smallest_label() -> None:
    points = blobs(6, 9, 6, noise=1)
    labels, eps = maps.cluster(points, DBSCAN(eps=1.0, min_samples=3))
    assert eps == 1.0
    assert labels.tolist() == [1] * 6 + [0] * 9 + [2] * 6 + [-1]
    shuffled, _ = maps.cluster(points.sample(frac=1, random_state=0), DBSCAN(eps=1.0, min_samples=3))
    assert shuffled.reindex(points.index).equals(labels)


def test_border_points_do_not_depend_on_the_order() -> None:
    # b lies within reach of a core point on either side and is no core point itself.
    x = {"a1": 0.0, "a2": 0.1, "a3": 0.2, "b": 1.1, "c1": 2.0, "c2": 2.1, "c3": 2.2}
    points = pd.DataFrame({"x": x, "y": 0.0})
    params = DBSCAN(eps=0.95, min_samples=4)
    labels, _ = maps.cluster(points, params)
    assert labels["a1"] != labels["c1"]
    for order in (points.index[::-1], ["b", "c1", "a1", "c2", "a2", "c3", "a3"]):
        assert maps.cluster(points.loc[order], params)[0].reindex(points.index).equals(labels)


@pytest.mark.parametrize(("wanted", "found"), [(3, 3), (1, 1), (2, 2), (9, 3)])
def test_auto_eps_comes_nearest_to_the_clusters_wanted(wanted: int, found: int) -> None:
    # Gaps of nearly 10 and 20: three groups, then two, then one. A group of five cannot fall apart.
    points = blobs(5, 5, 5)
    points.loc[points["x"] > 15, "x"] += 10
    labels, eps = maps.cluster(points, DBSCAN(clusters=wanted, min_samples=5))
    assert labels.max() + 1 == found
    assert (labels >= 0).all()
    again = maps.cluster(points, DBSCAN(eps=eps, min_samples=5))[0]
    assert again.equals(labels)


def test_auto_eps_takes_less_noise_at_the_same_number_of_clusters() -> None:
    points = blobs(12, 12)
    points.loc["late"] = [0.0, 3.0]  # outside the group at first, inside with a wider radius
    labels, eps = maps.cluster(points, DBSCAN(clusters=2, min_samples=5))
    assert labels["late"] == labels["p000"]
    assert 2 < eps < 9.5


def test_no_cluster_says_which_parameter_to_change() -> None:
    points = blobs(2, 2, noise=2)
    with pytest.raises(UserError, match=r"no cluster.*6 compositions.*min_samples \(7\).*lower it$"):
        maps.cluster(points, DBSCAN(min_samples=7))
    with pytest.raises(UserError, match=r"min_samples \(3\).*lower it, or raise map\.dbscan\.eps \(0\.01\)"):
        maps.cluster(points, DBSCAN(eps=0.01, min_samples=3))


def test_noise_has_no_representative_and_is_counted() -> None:
    formulas = pd.Series({"e3": "LiF", "e1": "LiF", "e2": "NaF", "e4": "KF", "e5": "Li2O"})
    clusters = pd.Series({"e1": 0, "e2": 0, "e3": 0, "e4": 0, "e5": -1})
    # Na lies between Li and K on the scale.
    assert maps.representatives(formulas, clusters) == ["e2"]
    assert maps.representatives(formulas, clusters.replace({0: -1, -1: 0})) == ["e5"]
    # Of electrodes with one formula, the smallest id.
    assert maps.representatives(formulas[["e3", "e1"]], clusters[["e3", "e1"]]) == ["e1"]


def test_umap_neighbours_are_capped() -> None:
    assert maps._capped("n_neighbors", UMAP().n_neighbors, 6, 7) == (
        "n_neighbors 15 was lowered to 6 for 7 compositions",
    )


def test_mirrored_loadings_do_not_leave_the_sign_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((40, 6))
    # The last column mirrors the one before: their loadings are equal and opposite.
    values = np.column_stack([values, 5 * values[:, 0], 1 - 5 * values[:, 0]])
    plain = maps._principal_components(values)
    for _ in range(20):
        noisy = values * (1 + rng.normal(0, 1e-15, values.shape))
        np.testing.assert_allclose(maps._principal_components(noisy), plain, atol=1e-6)
