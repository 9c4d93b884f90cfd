"""Any scikit-learn regressor as a model of this benchmark.

A module with these lines is a complete model::

    from electrode_bench.core.config import Strict
    from electrode_bench.models.sklearn_model import sklearn_spec
    from sklearn.ensemble import ExtraTreesRegressor


    class Config(Strict):
        n_estimators: int = 100
        \"""Trees of the ensemble.\"""


    SPEC = sklearn_spec(
        name="extra_trees",
        title="Extra trees",
        config=Config,
        feature_set="magpie",
        estimator=lambda config, seed: ExtraTreesRegressor(config.n_estimators, random_state=seed),
    )
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.imputation import BELOW_UNIT_RANGE, impute
from electrode_bench.core.seeds import derive
from electrode_bench.models import safe_files
from electrode_bench.models.base import ModelSpec, Prediction, check_columns, content_order
from electrode_bench.models.search_space import Dimension
from electrode_bench.models.target_scale import TargetScale


def sklearn_spec(
    *,
    name: str,
    title: str,
    config: type[Strict],
    feature_set: str,
    estimator: Callable[[Any, int], Any],
    multi_output: bool = False,
    fewest_rows: Callable[[Any], int] | None = None,
    trusted: tuple[str, ...] = (),
    space: Mapping[str, Dimension] | None = None,
    quick: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """The ``SPEC`` of a model that is a scikit-learn regressor.

    Parameters
    ----------
    name, title, config, feature_set, space, quick : as of :class:`~electrode_bench.models.base.ModelSpec`.
    estimator : makes an unfitted regressor from the configuration and a seed for its ``random_state``. It may be a
        pipeline, for example one that scales the features first.
    multi_output : whether one regressor predicts all targets; otherwise each target has its own.
    fewest_rows : the fewest training rows that the regressor can be fitted on, from the configuration. With fewer rows,
        each target is predicted as its mean.
    trusted : names of types that the fitted regressor contains and that are safe to load
        (:mod:`electrode_bench.models.safe_files`); the types of scikit-learn itself need not be named.
    """
    recipe = _Recipe(config, estimator, multi_output, fewest_rows, trusted)

    def build(values: Any, seed: int) -> SklearnModel:
        return SklearnModel(values, seed, recipe)

    def load(folder: Path) -> SklearnModel:
        return SklearnModel.load(folder, recipe)

    return ModelSpec(
        name=name,
        title=title,
        build=build,
        load=load,
        config=config,
        feature_set=feature_set,
        space=space or {},
        quick=quick or {},
    )


@dataclass(frozen=True)
class _Recipe:
    """What distinguishes one wrapped regressor from another; the fields are arguments of :func:`sklearn_spec`."""

    config: type[Strict]
    estimator: Callable[[Any, int], Any]
    multi_output: bool
    fewest_rows: Callable[[Any], int] | None
    trusted: tuple[str, ...]


class SklearnModel:
    """One scikit-learn regressor for each target, or one for all.

    A missing feature is imputed half a range below the feature's smallest training value. Targets are scaled
    (:class:`TargetScale`), so that a regressor of all targets weighs them alike, and predictions are clipped to the
    range of the training targets. There is no predictive standard deviation.
    """

    def __init__(self, config: Any, seed: int, recipe: _Recipe) -> None:
        self.config = config
        self.seed = seed
        self.recipe = recipe
        self.columns_: list[str] = []
        self.targets_: list[str] = []
        #: (features,) what a missing value of each feature is imputed as.
        self.imputed_as_: np.ndarray = np.empty(0)
        self.scale_: TargetScale | None = None
        #: The fitted regressors; none when there were too few rows, and the mean (targets,) is predicted.
        self.estimators_: list[Any] = []
        self.mean_: np.ndarray = np.empty(0)

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        from threadpoolctl import threadpool_limits

        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=np.float64), targets.to_numpy(dtype=np.float64)
        if np.isinf(x).any() or not np.isfinite(y).all():
            raise ValueError("targets must be finite, and features finite or missing")
        self.columns_, self.targets_ = [str(c) for c in frame.columns], [str(c) for c in targets.columns]
        order = content_order(x, y)
        x, y = x[order], y[order]
        present = np.where(np.isnan(x).all(axis=0), 0.0, x)
        low, high = np.nanmin(present, axis=0), np.nanmax(present, axis=0)
        self.imputed_as_ = low + BELOW_UNIT_RANGE * (high - low)
        self.scale_ = TargetScale.of(y)
        scaled = self.scale_.scaled(y, dtype=np.float64)
        self.mean_, self.estimators_ = scaled.mean(axis=0), []
        fewest_rows = 1 if self.recipe.fewest_rows is None else self.recipe.fewest_rows(self.config)
        if len(x) < fewest_rows:
            return self
        x = impute(x, np.isnan(x), self.imputed_as_)
        # One thread, because sums over several threads depend on how the work was divided.
        with threadpool_limits(1):
            for i, part in enumerate([scaled] if self.recipe.multi_output else scaled.T):
                self.estimators_.append(self.recipe.estimator(self.config, derive(self.seed, i)).fit(x, part))
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        from threadpoolctl import threadpool_limits

        if self.scale_ is None:
            raise ValueError("the model is not fitted; call fit first")
        check_columns(frame, self.columns_)
        x = frame.to_numpy(dtype=np.float64)
        if np.isinf(x).any():
            raise ValueError("features must be finite or missing")
        # Equal rows get equal numbers, whatever the order of the rows.
        distinct, back = np.unique(impute(x, np.isnan(x), self.imputed_as_), axis=0, return_inverse=True)
        scaled = np.tile(self.mean_, (len(distinct), 1))
        if self.estimators_ and len(distinct):
            with threadpool_limits(1):
                parts = [np.asarray(estimator.predict(distinct)) for estimator in self.estimators_]
            scaled = parts[0].reshape(scaled.shape) if self.recipe.multi_output else np.stack(parts, axis=1)
        mean = self.scale_.restored(scaled)[back.ravel()]
        return Prediction.of(mean, None, index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        """Write the model into an existing empty folder; a CannotSave when it has no form without pickle."""
        if self.scale_ is None:
            raise ValueError("the model is not fitted; call fit first")
        safe_files.dump(self.estimators_, folder / "estimators.skops", trusted=self.recipe.trusted)
        state = {
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "columns": self.columns_,
            "targets": self.targets_,
            "imputed_as": self.imputed_as_.tolist(),
            "scale": self.scale_.to_json(),
            "mean": self.mean_.tolist(),
        }
        write_text(json.dumps(state), folder / "regressor.json")

    @classmethod
    def load(cls, folder: Path, recipe: _Recipe) -> Self:
        state = json.loads((folder / "regressor.json").read_text(encoding="utf-8"))
        model = cls(recipe.config.model_validate(state["config"]), state["seed"], recipe)
        model.columns_, model.targets_ = state["columns"], state["targets"]
        model.imputed_as_, model.mean_ = np.array(state["imputed_as"]), np.array(state["mean"])
        model.scale_ = TargetScale.from_json(state["scale"])
        model.estimators_ = safe_files.load(folder / "estimators.skops", trusted=recipe.trusted)
        return model
