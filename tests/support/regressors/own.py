"""A regressor of the user's own, which is saved only when the user lists its type as safe."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from electrode_bench.core.config import Strict
from electrode_bench.models import ModelSpec
from electrode_bench.models.sklearn_model import sklearn_spec

#: Decides every prediction.
SHARE = 0.5


class Config(Strict):
    """Nothing to choose."""


class Quantile(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A quantile of the training targets."""

    def fit(self, _: np.ndarray, y: np.ndarray) -> Self:
        self.value_ = float(np.quantile(y, SHARE))
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), self.value_)


def _spec(trusted: tuple[str, ...]) -> ModelSpec:
    return sklearn_spec(
        name="own", title="Own", config=Config, feature_set="magpie_mean", estimator=lambda *_: Quantile(),
        trusted=trusted,
    )  # fmt: skip


SPEC = _spec(())
TRUSTED = _spec(("support.regressors.own.Quantile",))
