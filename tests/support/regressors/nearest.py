"""Nearest neighbours: one search for each target."""

from __future__ import annotations

from pydantic import PositiveInt
from sklearn.neighbors import KNeighborsRegressor

from electrode_bench.core.config import Strict
from electrode_bench.models.sklearn_model import sklearn_spec


class Config(Strict):
    n_neighbors: PositiveInt = 5
    """Neighbours that are averaged."""


SPEC = sklearn_spec(
    name="nearest",
    title="Nearest neighbours",
    config=Config,
    feature_set="magpie_mean",
    estimator=lambda config, _: KNeighborsRegressor(config.n_neighbors),
    fewest_rows=lambda config: config.n_neighbors,
)
