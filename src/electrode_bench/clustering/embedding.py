"""The map of compositions as points in two dimensions: t-SNE or UMAP of their features.

Everything is done on distinct compositions, that is on distinct rows of features. The embedding is chaotic: a change in
the last bit of a distance can move a cluster. So it runs on one thread, and it sees the compositions in the order of
their features, whatever the order of the rows.

Of more compositions than ``params.exact``, a random sample is embedded, and each of the others is placed beside its
nearest compositions in the sample.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from electrode_bench.clustering.memory import require_memory
from electrode_bench.clustering.neighbours import nearest, nearest_among, trustworthiness
from electrode_bench.clustering.preprocessing import COORDINATE_DIGITS, principal_components, scale
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.params import TSNE, UMAP, Map

#: A composition that is not in the sample is placed at the median of this many nearest ones that are.
_BESIDE = 5

#: A map of fewer compositions says nothing.
FEWEST_COMPOSITIONS = 5

_TRUST_NEIGHBOURS = 10

#: With fewer compositions, umap-learn computes all distances itself, whatever neighbours it is given.
_UMAP_OF_ALL_DISTANCES = 4096


@dataclass(frozen=True)
class Embedding:
    """Points on the map.

    Attributes
    ----------
    points : columns x and y (no unit), on the index of the features.
    composition : a number for each distinct row of features, on the index of the features.
    beside : the number of the embedded composition that each electrode's composition is placed beside, on the index of
        the features: its own, unless only a sample was embedded.
    parameters : those that were used.
    trustworthiness : between 0 and 1: how far neighbours on the map are neighbours in features too (J. Venna and
        S. Kaski, 2001, as in scikit-learn).
        Measured on the embedded compositions.
    notes : where the parameters differ from those in params.yaml, and whether only a sample was embedded.
    """

    points: pd.DataFrame
    composition: pd.Series
    beside: pd.Series
    parameters: dict[str, Any]
    trustworthiness: float
    notes: tuple[str, ...]


def embed(features: pd.DataFrame, params: Map, *, seed: int) -> Embedding:
    """Embed electrodes in a plane.

    Parameters
    ----------
    features : one row for each electrode; NaN where a feature is not defined for the composition. They are scaled and
        imputed over the distinct rows (see :func:`~electrode_bench.clustering.preprocessing.scale`).
    params : the method and its parameters. t-SNE's perplexity is capped at (compositions - 1) / 3, UMAP's number of
        neighbours at compositions - 1.
    seed : for UMAP and for the sample. t-SNE starts from the principal components and draws no random number.

    Raises
    ------
    UserError
        When there are fewer than 5 distinct compositions, or so many that memory would run out.
    ValueError
        When a feature is infinite.
    """
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
    size = min(n, params.exact)
    require_memory(size, features=values.shape[1], neighbours=_neighbours(params, size), placed=n - size)
    every = scale(distinct)
    sample = np.arange(n) if size == n else _sample(n, size, seed=seed)
    scaled = every[sample]
    start = principal_components(scaled)
    with threadpool_limits(limits=1):
        if params.method == "tsne":
            plane, parameters, notes = _tsne(scaled, start, params.tsne)
        else:
            plane, parameters, notes = _umap(scaled, start, params.umap, seed=seed)
        plane = np.round(plane.astype(np.float64), COORDINATE_DIGITS) + 0.0
        k = min(_TRUST_NEIGHBOURS, (size - 1) // 2)
        trust = trustworthiness(scaled, plane, number=k)
    places, beside = plane, sample
    if size < n:
        places, beside = _placed(every, sample, plane)
        sampled = f"of {n:,} compositions, a random sample of {size:,} was embedded and clustered (map.exact)"
        notes += (f"{sampled}; each of the others has the cluster of its nearest composition in the sample",)
    return Embedding(
        points=pd.DataFrame(places[composition.ravel()], index=features.index, columns=["x", "y"]),
        composition=pd.Series(composition.ravel(), index=features.index, name="composition"),
        beside=pd.Series(beside[composition.ravel()], index=features.index, name="beside"),
        parameters={"method": params.method, "features": params.features, **parameters},
        trustworthiness=trust,
        notes=notes,
    )


def _sample(n: int, size: int, *, seed: int) -> np.ndarray:
    """Positions of the compositions that are embedded, sorted, shape (size,)."""
    rng = np.random.default_rng(derive(seed, "map", "sample"))
    return np.sort(rng.choice(n, size, replace=False))


def _placed(every: np.ndarray, sample: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the map, shape (n, 2), of all compositions, and which composition of the sample each is beside, (n,).

    Parameters
    ----------
    every : scaled features of all compositions, shape (n, n_features).
    sample, plane : positions and places of those that were embedded.
    """
    places, beside = np.empty((len(every), 2)), np.empty(len(every), dtype=np.int64)
    places[sample], beside[sample] = plane, sample
    others = np.setdiff1d(np.arange(len(every)), sample)
    near = nearest_among(every[others], every[sample], min(_BESIDE, len(sample)))
    # A median lies among most of them, also where one of them is far away on the map.
    places[others] = np.round(np.median(plane[near], axis=1), COORDINATE_DIGITS) + 0.0
    beside[others] = sample[near[:, 0]]
    return places, beside


def _neighbours(params: Map, n: int) -> int:
    """How many neighbours of each of ``n`` points the embedding uses, the point itself not counted."""
    if params.method == "umap":
        return min(params.umap.n_neighbors, n - 1) - 1
    return min(n - 1, int(3 * _perplexity(params.tsne, n) + 1))


def _perplexity(params: TSNE, n: int) -> float:
    return min(params.perplexity, (n - 1) / 3)


def _tsne(scaled: np.ndarray, start: np.ndarray, params: TSNE) -> tuple[np.ndarray, dict[str, Any], tuple[str, ...]]:
    from scipy.sparse import csr_matrix
    from sklearn.manifold import TSNE as Method

    n, perplexity = len(scaled), _perplexity(params, len(scaled))
    # More neighbours than these have no part in t-SNE with Barnes-Hut trees: given all distances, it finds the same.
    indices, distances = nearest(scaled, min(n - 1, int(3 * perplexity + 1)))
    first_of_row = np.arange(0, indices.size + 1, indices.shape[1])
    graph = csr_matrix((distances.ravel(), indices.ravel(), first_of_row), shape=(n, n))
    method = Method(
        perplexity=perplexity,
        early_exaggeration=params.early_exaggeration,
        max_iter=params.max_iter,
        metric="precomputed",
        # scikit-learn's own start has this standard deviation too.
        init=(start * 1e-4).astype(np.float32),
        random_state=0,
        n_jobs=1,
    )
    used = {"perplexity": perplexity, "early_exaggeration": params.early_exaggeration, "max_iter": params.max_iter}
    return method.fit_transform(graph), used, _capped("perplexity", params.perplexity, perplexity, n)


def _umap(
    scaled: np.ndarray, start: np.ndarray, params: UMAP, *, seed: int
) -> tuple[np.ndarray, dict[str, Any], tuple[str, ...]]:
    from scipy.spatial.distance import cdist

    with warnings.catch_warnings():
        # umap warns on import that its neural variant needs TensorFlow.
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        from umap import UMAP as Method

    n = len(scaled)
    neighbours = min(params.n_neighbors, n - 1)
    few = n < _UMAP_OF_ALL_DISTANCES
    given: dict[str, Any] = {"metric": "precomputed"} if few else {"precomputed_knn": nearest(scaled, neighbours - 1)}
    with warnings.catch_warnings():
        # New points are never put on this map.
        warnings.filterwarnings("ignore", message="using precomputed metric; inverse_transform", category=UserWarning)
        warnings.filterwarnings("ignore", message="precomputed_knn.*is not an NNDescent object", category=UserWarning)
        warnings.filterwarnings("ignore", message="n_jobs value 1 overridden to 1", category=UserWarning)
        method = Method(
            n_neighbors=neighbours,
            min_dist=params.min_dist,
            init=start.astype(np.float32),
            random_state=derive(seed, "umap"),
            n_jobs=1,
            **given,
        )
        plane = method.fit_transform(cdist(scaled, scaled) if few else scaled)
    used = {"n_neighbors": neighbours, "min_dist": params.min_dist}
    return plane, used, _capped("n_neighbors", params.n_neighbors, neighbours, n)


def _capped(name: str, asked: float, used: float, n: int) -> tuple[str, ...]:
    return () if asked == used else (f"{name} {asked:g} was lowered to {used:.4g} for {n} compositions",)
