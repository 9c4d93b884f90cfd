"""Boosting's model: a ladder of binary models for the extracted share, and a model each for density and voltage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.models.base import Prediction, check_columns, content_order
from electrode_bench.models.boosting.config import Config
from electrode_bench.models.boosting.trees import Trees
from electrode_bench.models.heads import Electrodes, Quantities, monotone
from electrode_bench.models.heads.scale import QuantityScale

#: The loss of the density: an error of the logarithm from which on it grows linearly.
_DENSITY_HUBER = 0.05
#: Folds and trees (as a share of the final model's) from which the typical errors are estimated.
_ERROR_FOLDS, _ERROR_TREES = 3, 0.3


class Boosting:
    """Gradient-boosted trees on composition, ion and oxidation states.

    For each threshold of the extracted share a binary model predicts whether the share is at most the threshold; the
    probabilities are made monotone, and the median is the predicted share. Errors of the share count by the full
    capacity, as they do in the gravimetric capacity. The density is an additive density
    (:class:`~electrode_bench.models.heads.AdditiveDensity`) times a learned factor.

    The predictive standard deviation of the capacities follows from the distribution of the share and the typical error
    of the density; that of the voltage is a model of the errors on rows that were left out of the training. It is not
    calibrated.
    """

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.columns_: list[str] = []
        self.quantities_: QuantityScale | None = None
        #: One model for each threshold of the share.
        self.share_: list[Trees] = []
        #: Logarithm of the density divided by the additive density; voltage (V); absolute error of the voltage (V).
        self.density_: Trees | None = None
        self.voltage_: Trees | None = None
        self.voltage_error_: Trees | None = None
        #: Typical relative error of the density.
        self.density_error_ = 0.0

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=np.float64), targets[list(TARGETS)].to_numpy(dtype=np.float64)
        if np.isinf(x).any() or not np.isfinite(y).all():
            raise ValueError("targets must be finite, and features finite or missing")
        order = content_order(x, y)
        frame, x = frame.iloc[order], x[order]
        self.columns_ = [str(c) for c in frame.columns]
        electrodes = Electrodes.of(frame)
        quantities = Quantities.of(targets.iloc[order], electrodes)
        scale = self.quantities_ = QuantityScale.of(quantities, electrodes)
        self._fit_share(x, scale.share.below(quantities.share), electrodes)
        self._fit_density(_with_additive(x, scale, electrodes), scale.log_ratio(quantities, electrodes), x)
        self._fit_voltage(x, quantities.voltage)
        return self

    def _fit_share(self, x: np.ndarray, below: np.ndarray, electrodes: Electrodes) -> None:
        config = self.config
        options = {
            "learning_rate": config.share_learning_rate,
            "num_leaves": config.share_leaves,
            "feature_fraction": config.share_columns,
            "lambda_l2": config.share_l2,
            "min_data_in_leaf": config.min_rows,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
        }
        weight = electrodes.full_capacity / electrodes.full_capacity.mean()
        self.share_ = [
            Trees.fit(
                x,
                at_most,
                objective="binary",
                trees=config.share_trees,
                seed=derive(self.seed, "share", i),
                options=options,
                weight=weight,
            )
            for i, at_most in enumerate(below.T)
        ]

    def _fit_density(self, extended: np.ndarray, ratio: np.ndarray, x: np.ndarray) -> None:
        options = {
            "learning_rate": self.config.density_learning_rate,
            "alpha": _DENSITY_HUBER,
            "extra_trees": True,
            "feature_fraction": 0.5,
            "min_data_in_leaf": self.config.min_rows,
        }

        def fit(rows: np.ndarray, trees: int) -> Trees:
            seed = derive(self.seed, "density")
            return Trees.fit(extended[rows], ratio[rows], objective="huber", trees=trees, seed=seed, options=options)

        self.density_ = fit(np.arange(len(x)), self.config.density_trees)
        errors = np.abs(_left_out(fit, x, extended, self.config.density_trees) - ratio)
        self.density_error_ = float(np.median(errors)) * 1.4826

    def _fit_voltage(self, x: np.ndarray, voltage: np.ndarray) -> None:
        config = self.config
        options = {
            "learning_rate": config.voltage_learning_rate,
            "num_leaves": config.voltage_leaves,
            "feature_fraction": config.voltage_columns,
            "alpha": config.voltage_huber,
            "extra_trees": True,
            "min_data_in_leaf": config.min_rows,
        }

        def fit(rows: np.ndarray, trees: int, of: np.ndarray = voltage, name: str = "voltage") -> Trees:
            seed = derive(self.seed, name)
            return Trees.fit(x[rows], of[rows], objective="huber", trees=trees, seed=seed, options=options)

        every = np.arange(len(x))
        self.voltage_ = fit(every, config.voltage_trees)
        errors = np.abs(_left_out(fit, x, x, config.voltage_trees) - voltage)
        self.voltage_error_ = fit(every, _fewer(config.voltage_trees), errors, "voltage error")

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if self.quantities_ is None or self.density_ is None or self.voltage_ is None or self.voltage_error_ is None:
            raise ValueError("the model is not fitted; call fit first")
        check_columns(frame, self.columns_)
        x, electrodes = frame.to_numpy(dtype=np.float64), Electrodes.of(frame)
        if np.isinf(x).any():
            raise ValueError("features must be finite or missing")
        cumulative = monotone(np.column_stack([trees.predict(x) for trees in self.share_]))
        log_ratio = self.density_.predict(_with_additive(x, self.quantities_, electrodes))
        voltage_std = np.maximum(self.voltage_error_.predict(x), 0.0)
        return self.quantities_.composed(
            electrodes,
            cumulative=cumulative,
            continuous=np.stack([log_ratio, self.voltage_.predict(x)], axis=1),
            std=np.stack([np.full(len(x), self.density_error_), voltage_std], axis=1),
            index=frame.index,
        )

    def save(self, folder: Path) -> None:
        if self.quantities_ is None:
            raise ValueError("the model is not fitted; call fit first")
        for name, trees in self._trees().items():
            write_text(trees.to_text(), folder / f"{name}.txt")
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": self.columns_,
            "quantities": self.quantities_.to_json(),
            "density_error": self.density_error_,
        }
        write_text(json.dumps(state), folder / "boosting.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "boosting.json").read_text(encoding="utf-8"))
        model = cls(Config(**state["config"]), state["seed"])
        model.columns_, model.density_error_ = state["columns"], state["density_error"]
        model.quantities_ = QuantityScale.from_json(state["quantities"])

        def trees(name: str) -> Trees:
            return Trees.from_text((folder / f"{name}.txt").read_text(encoding="utf-8"))

        model.share_ = [trees(f"share-{i:02d}") for i in range(len(model.quantities_.share.thresholds))]
        model.density_, model.voltage_, model.voltage_error_ = map(trees, ("density", "voltage", "voltage-error"))
        return model

    def _trees(self) -> dict[str, Trees]:
        """All trees by the name of their file."""
        single = {"density": self.density_, "voltage": self.voltage_, "voltage-error": self.voltage_error_}
        shares = {f"share-{i:02d}": trees for i, trees in enumerate(self.share_)}
        return shares | {name: trees for name, trees in single.items() if trees is not None}


def _with_additive(x: np.ndarray, scale: QuantityScale, electrodes: Electrodes) -> np.ndarray:
    """Features with two more columns: volume per atom and density, both by sums over elements."""
    volume = scale.additive.volume_per_atom(electrodes.fractions)
    return np.column_stack([x, volume, scale.additive.density(electrodes.fractions)])


def _fewer(trees: int) -> int:
    return max(1, round(_ERROR_TREES * trees))


def _left_out(fit: Any, x: np.ndarray, features: np.ndarray, trees: int) -> np.ndarray:
    """Predictions (n,) for each row by a model that was fitted without it.

    Rows with equal inputs ``x`` are left out together: electrodes of one formula must not vouch for each other.
    """
    owner = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    fold = owner % _ERROR_FOLDS
    predicted = np.zeros(len(x))
    for number in range(_ERROR_FOLDS):
        rows = np.flatnonzero(fold != number)
        if len(rows) == 0:
            rows = np.arange(len(x))
        test = fold == number
        predicted[test] = fit(rows, _fewer(trees)).predict(features[test])
    return predicted
