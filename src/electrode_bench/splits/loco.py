"""Leave one cluster out: each cluster of the map is tested by models that have seen none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, NOISE
from electrode_bench.errors import UserError
from electrode_bench.splits.base import Protocol, in_order


class Config(Strict):
    """Leave-one-cluster-out has no options: the map decides the clusters."""


def make(table: pd.DataFrame, clusters: pd.Series, options: Config, seed: int) -> Iterator[Fold]:  # noqa: ARG001
    """The folds; see :class:`~electrode_bench.splits.base.Protocol`. Noise is always trained on and never tested."""
    rows = in_order(table)
    ids = rows[ID].to_numpy()
    label = clusters.loc[ids].to_numpy()
    found = sorted(set(label.tolist()) - {NOISE})
    if len(found) < 2 and not (found and (label == NOISE).any()):
        raise UserError(
            f"leave-one-cluster-out needs two clusters, the map has {len(found)}; "
            "lower map.dbscan.min_samples or map.dbscan.eps in params.yaml"
        )
    for cluster in found:
        test = label == cluster
        yield Fold("loco", f"cluster-{cluster:02d}", tuple(ids[~test]), tuple(ids[test]))


PROTOCOL = Protocol(
    name="loco",
    title="Leave one cluster out",
    question="on a whole group of chemistry that is not in the training data",
    config=Config,
    make=make,
)
