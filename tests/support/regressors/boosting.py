"""Boosted trees on histograms: one ensemble for each target."""

from __future__ import annotations

from pydantic import PositiveInt
from sklearn.ensemble import HistGradientBoostingRegressor

from electrode_bench.core.config import Strict
from electrode_bench.models.search_space import Int
from electrode_bench.models.sklearn_model import sklearn_spec


class Config(Strict):
    max_iter: PositiveInt = 100
    """Trees."""


SPEC = sklearn_spec(
    name="boosting",
    title="Boosted trees",
    config=Config,
    feature_set="magpie_mean",
    estimator=lambda config, seed: HistGradientBoostingRegressor(max_iter=config.max_iter, random_state=seed),
    space={"max_iter": Int(20, 500, log=True)},
    quick={"max_iter": 5},
)
