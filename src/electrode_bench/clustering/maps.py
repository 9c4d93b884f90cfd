"""The map of compositions: two-dimensional embedding, clusters, and each cluster's representative.

As in the study: features -> t-SNE or UMAP -> DBSCAN on the embedding -> the ElMD mean representative of each cluster
(H. Wu et al., arXiv:2603.07805). Everything is done on distinct compositions and passed on to the electrodes that share
them: electrodes with the same formula get the same point, and DBSCAN counts compositions, not electrodes. On a
large table only a sample of the compositions is embedded and clustered (see
:mod:`~electrode_bench.clustering.embedding`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.clustering.clusters import cluster
from electrode_bench.clustering.embedding import embed
from electrode_bench.clustering.representatives import representatives
from electrode_bench.core.schema import FORMULA, ID, NOISE
from electrode_bench.params import Map


def build(
    table: pd.DataFrame, features: pd.DataFrame, params: Map, *, seed: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The map of a table's electrodes, and its summary.

    Parameters
    ----------
    table : columns electrode_id (unique), formula_discharge and, if available, working_ion.
    features : the feature set ``params.features`` of each electrode, indexed by electrode_id.
    params, seed : as for :func:`~electrode_bench.clustering.embedding.embed` and
        :func:`~electrode_bench.clustering.clusters.cluster`.

    Returns
    -------
    frame : electrode_id, x, y, cluster (-1 for noise), representative (True for one electrode of each cluster), sorted
        by electrode_id. The order of the rows of ``table`` and ``features`` does not matter.
    summary : parameters used, counts, the clusters with their representatives, the share of noise, and the embedding's
        trustworthiness; plain values only.

    Raises
    ------
    UserError
        When there are too few compositions or no clusters, or a formula cannot be read.
    """
    electrodes = table.set_index(ID).sort_index()
    embedding = embed(features.loc[electrodes.index], params, seed=seed)
    # A composition is named by the smallest id of its electrodes.
    key = embedding.composition.groupby(embedding.composition).transform(lambda same: same.index.min())
    is_key = key.to_numpy() == key.index.to_numpy()
    is_embedded = (embedding.beside == embedding.composition).to_numpy()
    found, eps = cluster(embedding.points[is_key & is_embedded], params.dbscan)
    label_of = pd.Series(found.to_numpy(), index=embedding.composition[found.index].to_numpy())
    frame = embedding.points.assign(cluster=embedding.beside.map(label_of).astype(np.int64))
    labels = frame.loc[is_key, "cluster"]
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
        # value_counts leaves ties in the order of the rows; sorting by name first resolves them.
        ions = members["working_ion"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        out |= {"working_ion": str(ions.index[0]), "working_ion_share": float(ions.iloc[0] / len(members))}
    return out
