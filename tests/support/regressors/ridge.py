"""Ridge regression on scaled features: one for all targets."""

from __future__ import annotations

from pydantic import PositiveFloat
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from electrode_bench.core.config import Strict
from electrode_bench.models.sklearn_model import sklearn_spec


class Config(Strict):
    alpha: PositiveFloat = 1.0
    """Strength of the penalty."""


SPEC = sklearn_spec(
    name="ridge",
    title="Ridge",
    config=Config,
    feature_set="modnet",
    estimator=lambda config, _: make_pipeline(StandardScaler(), Ridge(alpha=config.alpha)),
    multi_output=True,
)
