"""The map of compositions: two-dimensional embedding, clusters, and each cluster's representative.

The study's way: features -> t-SNE or UMAP -> DBSCAN on the embedding -> the ElMD mean representative of
each cluster (H. Wu et al., arXiv:2603.07805). Everything is done on distinct compositions, that is on
distinct rows of features, and handed on to the electrodes that share them: electrodes with one formula get
one point, and DBSCAN counts compositions, not electrodes.

The embedding is chaotic: a change in the last bit of a distance can move a cluster. So no result of the
BLAS enters it unrounded, it runs on one thread, and it sees the compositions in the order of their
features, whatever the order of the rows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from electrode_bench.clustering import elmd
from electrode_bench.core.imputation import BELOW_UNIT_RANGE, impute
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.params import DBSCAN, TSNE, UMAP, Map

#: Fewer compositions than this have no map worth the name.
FEWEST_COMPOSITIONS = 5
#: Label of electrodes in no cluster.
NOISE = -1

_COORDINATE_DIGITS = 4
_EPS_STEPS = 400
_TRUST_NEIGHBOURS = 10


@dataclass(frozen=True)
class Embedding:
    """Points on the map.

    ``points`` has the columns x and y (no unit) and ``composition`` a number for each distinct row of
    features, both on the index of the features. ``parameters`` are those used; ``notes`` tell where they
    differ from those asked for. ``trustworthiness`` is between 0 and 1: how far neighbours on the map are
    neighbours in features too (J. Venna and S. Kaski, 2001, as scikit-learn has it).
    """

    points: pd.DataFrame
    composition: pd.Series
    parameters: dict[str, Any]
    trustworthiness: float
    notes: tuple[str, ...]


def embed(features: pd.DataFrame, params: Map, *, seed: int) -> Embedding:
    """Put electrodes on a plane.

    Parameters
    ----------
    features
        One row an electrode, one column a feature; NaN where it is not defined for the composition. Columns are
        scaled to 0..1 over the distinct rows, and a missing value stands at -0.5, apart from all others but no
        farther than they are from each other. Columns without a difference are dropped.
    params
        The method and its parameters. t-SNE's perplexity is capped at (compositions - 1) / 3, UMAP's number
        of neighbours at compositions - 1.
    seed
        For UMAP. t-SNE starts from the principal components and draws nothing.

    Raises
    ------
    UserError
        When there are fewer than 5 distinct compositions.
    ValueError
        When a feature is infinite.
    """
    from scipy.spatial.distance import cdist
    from sklearn.manifold import trustworthiness

    values = features.to_numpy(dtype=np.float64) + 0.0  # -0.0 and 0.0 are one composition
    if np.isinf(values).any():
        raise ValueError("a feature is infinite")
    # No NaN equals another: two rows with one would be two compositions.
    marked = np.where(np.isnan(values), -np.inf, values)
    distinct, composition = np.unique(marked, axis=0, return_inverse=True)
    n = len(distinct)
    if n < FEWEST_COMPOSITIONS:
        raise UserError(
            f"the map needs at least {FEWEST_COMPOSITIONS} distinct compositions, but the table has {n}; "
            "use a larger snapshot, or keep more rows (params.yaml, prepare)"
        )
    scaled = _scale(distinct)
    # cdist sums a pair's differences in order: the same bits for any number of threads and rows.
    distance = cdist(scaled, scaled)
    start = _principal_components(scaled)
    with threadpool_limits(limits=1):
        if params.method == "tsne":
            plane, parameters, notes = _tsne(distance, start, params.tsne)
        else:
            plane, parameters, notes = _umap(distance, start, params.umap, seed=seed)
        plane = np.round(plane.astype(np.float64), _COORDINATE_DIGITS) + 0.0
        k = min(_TRUST_NEIGHBOURS, (n - 1) // 2)
        trust = float(trustworthiness(distance, plane, n_neighbors=k, metric="precomputed"))
    return Embedding(
        points=pd.DataFrame(plane[composition.ravel()], index=features.index, columns=["x", "y"]),
        composition=pd.Series(composition.ravel(), index=features.index, name="composition"),
        parameters={"method": params.method, "features": params.features, **parameters},
        trustworthiness=trust,
        notes=notes,
    )


def _scale(values: np.ndarray) -> np.ndarray:
    """Columns to 0..1, without those that are the same in all rows; -inf stands for a missing value."""
    missing = np.isneginf(values)
    varies = (values != values[0]).any(axis=0)
    missing, known = missing[:, varies], np.where(missing, np.nan, values)[:, varies]
    low, spread = np.nanmin(known, axis=0), np.nanmax(known, axis=0) - np.nanmin(known, axis=0)
    return impute((known - low) / np.where(spread > 0, spread, 1.0), missing, BELOW_UNIT_RANGE)


def _principal_components(values: np.ndarray) -> np.ndarray:
    """The first two principal components (n x 2), the first with standard deviation 1, rounded.

    The rounding takes off the digits that depend on the linear algebra library; the sign is fixed by the
    largest loading.
    """
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    # Loadings may tie (a range and a minimum can mirror each other): rounded, the first of them is taken.
    largest = np.round(np.abs(axes), _COORDINATE_DIGITS).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    scores = centred @ axes
    if scores.shape[1] == 1:
        scores = np.column_stack([scores, np.zeros(len(scores))])
    return np.asarray(np.round(scores / scores[:, 0].std(), _COORDINATE_DIGITS) + 0.0)


def _tsne(distance: np.ndarray, start: np.ndarray, params: TSNE) -> tuple[np.ndarray, dict[str, Any], tuple[str, ...]]:
    from sklearn.manifold import TSNE as Method

    perplexity = min(params.perplexity, (len(distance) - 1) / 3)
    method = Method(
        perplexity=perplexity,
        early_exaggeration=params.early_exaggeration,
        max_iter=params.max_iter,
        metric="precomputed",
        # scikit-learn's own start has this spread too.
        init=(start * 1e-4).astype(np.float32),
        random_state=0,
        n_jobs=1,
    )
    used = {"perplexity": perplexity, "early_exaggeration": params.early_exaggeration, "max_iter": params.max_iter}
    return method.fit_transform(distance), used, _capped("perplexity", params.perplexity, perplexity, len(distance))


def _umap(
    distance: np.ndarray, start: np.ndarray, params: UMAP, *, seed: int
) -> tuple[np.ndarray, dict[str, Any], tuple[str, ...]]:
    with warnings.catch_warnings():
        # umap announces at import that its neural variant needs TensorFlow.
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        from umap import UMAP as Method

    neighbours = min(params.n_neighbors, len(distance) - 1)
    method = Method(
        n_neighbors=neighbours,
        min_dist=params.min_dist,
        metric="precomputed",
        init=start.astype(np.float32),
        random_state=derive(seed, "umap"),
        n_jobs=1,
    )
    with warnings.catch_warnings():
        # New points are never put on this map.
        warnings.filterwarnings("ignore", message="using precomputed metric; inverse_transform", category=UserWarning)
        warnings.filterwarnings("ignore", message="n_jobs value 1 overridden to 1", category=UserWarning)
        plane = method.fit_transform(distance)
    used = {"n_neighbors": neighbours, "min_dist": params.min_dist}
    return plane, used, _capped("n_neighbors", params.n_neighbors, neighbours, len(distance))


def _capped(name: str, asked: float, used: float, n: int) -> tuple[str, ...]:
    return () if asked == used else (f"{name} {asked:g} was lowered to {used:.4g} for {n} compositions",)


def cluster(points: pd.DataFrame, params: DBSCAN) -> tuple[pd.Series, float]:
    """DBSCAN labels of points on the map, and the radius used.

    Parameters
    ----------
    points
        Columns x and y, one row a composition, the index unique.
    params
        With eps "auto" the radius is found by a scan: of 400 radii, the one whose number of clusters is
        nearest to ``params.clusters``, then with the least noise, then the smallest.

    Returns
    -------
    Labels on the index of ``points``: 0 for the largest cluster and so on, of equally large ones the one
    with the smallest index label first; -1 for noise. They do not depend on the order of the rows.

    Raises
    ------
    UserError
        When no cluster is found.
    """
    # DBSCAN gives a border point to the first cluster that reaches it.
    ordered = points.sort_index()
    plane = ordered[["x", "y"]].to_numpy(dtype=np.float64)
    eps = _scan(plane, params) if params.eps == "auto" else float(params.eps)
    labels = _dbscan(plane, eps=eps, min_samples=params.min_samples)
    if labels.max() < 0:
        change = "lower it" if params.eps == "auto" else f"lower it, or raise map.dbscan.eps ({eps:g})"
        raise UserError(
            f"no cluster on the map: none of its {len(points)} compositions has map.dbscan.min_samples "
            f"({params.min_samples}) compositions near it; {change}"
        )
    found = pd.Series(labels, index=ordered.index)
    return found.map(_numbers(found)).reindex(points.index).astype(np.int64).rename("cluster"), eps


def _numbers(labels: pd.Series) -> dict[int, int]:
    """Found label -> number by size; ``labels`` in the order of their index."""
    found = labels.to_numpy()
    known, first, sizes = np.unique(found[found != NOISE], return_index=True, return_counts=True)
    ranked = sorted(range(len(known)), key=lambda i: (-sizes[i], first[i]))
    return {NOISE: NOISE, **{int(known[i]): number for number, i in enumerate(ranked)}}


def _scan(plane: np.ndarray, params: DBSCAN) -> float:
    """The radius that params.DBSCAN's "auto" stands for."""
    from sklearn.neighbors import NearestNeighbors

    k = min(params.min_samples, len(plane))
    reach = NearestNeighbors(n_neighbors=k).fit(plane).kneighbors(plane)[0][:, -1]
    # Below the small end nearly all is noise; at the large end all points are one cluster.
    low = max(float(np.quantile(reach, 0.05)), float(reach.max()) * 1e-3, 1e-6)
    high = max(float(np.hypot(*np.ptp(plane, axis=0))), low * 2)
    best: tuple[int, float, float] | None = None
    for eps in np.geomspace(low, high, _EPS_STEPS):
        labels = _dbscan(plane, eps=float(eps), min_samples=params.min_samples)
        count, noise = int(labels.max()) + 1, float((labels == NOISE).mean())
        score = (abs(count - params.clusters), noise, float(eps))
        if count > 0 and (best is None or score < best):
            best = score
        if count == 1 and noise == 0:
            break  # wider radii change nothing more
    return float(high if best is None else best[2])


def _dbscan(plane: np.ndarray, *, eps: float, min_samples: int) -> np.ndarray:
    from sklearn.cluster import DBSCAN as Method

    return np.asarray(Method(eps=eps, min_samples=min_samples).fit_predict(plane))


def build(
    table: pd.DataFrame, features: pd.DataFrame, params: Map, *, seed: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The map of a table's electrodes, and what there is to say about it.

    Parameters
    ----------
    table
        Columns electrode_id (unique), formula_discharge and, if at hand, working_ion.
    features
        The feature set ``params.features`` of each electrode, indexed by electrode_id.
    params, seed
        As for :func:`embed` and :func:`cluster`.

    Returns
    -------
    frame
        electrode_id, x, y, cluster (-1 for noise), representative (True for one electrode a cluster),
        sorted by electrode_id. The order of the rows of ``table`` and ``features`` does not matter.
    summary
        Parameters used, counts, the clusters with their representatives, the share of noise, and the
        embedding's trustworthiness; plain values only.

    Raises
    ------
    UserError
        As :func:`embed`, :func:`cluster` and :func:`elmd.cumulative`.
    """
    electrodes = table.set_index(ID).sort_index()
    embedding = embed(features.loc[electrodes.index], params, seed=seed)
    # A composition goes by the smallest id of its electrodes.
    key = embedding.composition.groupby(embedding.composition).transform(lambda same: same.index.min())
    is_key = key.to_numpy() == key.index.to_numpy()
    labels, eps = cluster(embedding.points[is_key], params.dbscan)
    frame = embedding.points.assign(cluster=key.map(labels).astype(np.int64))
    chosen = representatives(electrodes[FORMULA], frame["cluster"])
    frame["representative"] = frame.index.isin(chosen)
    summary = {
        **embedding.parameters,
        "eps": eps,
        "eps_chosen_by": "scan" if params.dbscan.eps == "auto" else "params.yaml",
        "min_samples": params.dbscan.min_samples,
        "clusters_wanted": params.dbscan.clusters if params.dbscan.eps == "auto" else None,
        "n_clusters": int(labels.max()) + 1,
        "n_electrodes": len(frame),
        "n_compositions": int(is_key.sum()),
        "noise_share_electrodes": float((frame["cluster"] == NOISE).mean()),
        "noise_share_compositions": float((labels == NOISE).mean()),
        "trustworthiness": round(embedding.trustworthiness, 6),
        "notes": list(embedding.notes),
        "clusters": [
            _describe(number, electrodes[frame["cluster"] == number], labels, representative=representative)
            for number, representative in enumerate(chosen)
        ],
    }
    return frame.rename_axis(ID).reset_index(), summary


def representatives(formulas: pd.Series, clusters: pd.Series) -> list[Any]:
    """The electrode that stands for each cluster 0, 1, ...: its id.

    ``formulas`` and ``clusters`` are indexed by electrode_id. The ElMD mean representative is the formula
    whose mean element mover's distance to the cluster's other formulas is smallest (each distinct formula
    counts once, ties by name); of the cluster's electrodes with that formula, the smallest id is taken.
    """
    chosen = []
    for number in range(int(clusters.max()) + 1):
        members = formulas[clusters == number]
        formula = elmd.mean_representative(sorted(set(members)))
        chosen.append(members.index[members == formula].min())
    return chosen


def _describe(number: int, members: pd.DataFrame, labels: pd.Series, *, representative: Any) -> dict[str, Any]:
    in_cluster = int((labels == number).sum())
    out: dict[str, Any] = {
        "cluster": number,
        "electrodes": len(members),
        "compositions": in_cluster,
        "share_compositions": in_cluster / len(labels),
        "representative_id": str(representative),
        "representative_formula": str(members.loc[representative, FORMULA]),
    }
    if "working_ion" in members:
        # value_counts leaves ties in the order of the rows; sorting by name first settles them.
        ions = members["working_ion"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        out |= {"working_ion": str(ions.index[0]), "working_ion_share": float(ions.iloc[0] / len(members))}
    return out
