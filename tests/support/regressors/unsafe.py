"""A regressor that cannot be saved without pickle: its pipeline contains a function that has no name."""

from __future__ import annotations

from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from electrode_bench.core.config import Strict
from electrode_bench.models.sklearn_model import sklearn_spec


class Config(Strict):
    """Nothing to choose."""


SPEC = sklearn_spec(
    name="unsafe",
    title="Unsafe",
    config=Config,
    feature_set="magpie_mean",
    estimator=lambda *_: make_pipeline(FunctionTransformer(lambda x: 2 * x), Ridge()),
)
