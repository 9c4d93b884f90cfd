"""LightGBM's trees: fitted with identical bytes for identical inputs, and kept as text.

G. Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 30 (2017).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from electrode_bench.models.boosting.saved_trees import SavedTrees

if TYPE_CHECKING:
    from lightgbm import Booster

#: One thread and one way of building histograms: otherwise the last bits would depend on the machine's load.
_FIXED = {"num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}


@dataclass(frozen=True)
class Trees:
    """Fitted trees; or the one number that they would predict, where all training targets are equal."""

    booster: Booster | SavedTrees | None
    constant: float

    @classmethod
    def fit(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        *,
        objective: str,
        trees: int,
        seed: int,
        options: Mapping[str, Any],
        weight: np.ndarray | None = None,
    ) -> Self:
        """Fit to features (n x features, missing values NaN) and a target (n,).

        Parameters
        ----------
        objective, options : LightGBM's parameters.
        weight : (n,) of the rows.
        """
        import lightgbm

        if len(np.unique(y)) == 1:
            return cls(None, float(y[0]))
        parameters = {**_FIXED, **options, "objective": objective, "seed": seed % 2**31}
        booster = lightgbm.train(parameters, lightgbm.Dataset(x, y, weight=weight, params=parameters), trees)
        return cls(booster, math.nan)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions (n,) for features (n x features); probabilities where the objective is "binary"."""
        if self.booster is None:
            return np.full(len(x), self.constant)
        if len(x) == 0:
            return np.empty(0)
        if isinstance(self.booster, SavedTrees):
            return self.booster.predict(x)
        return np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float64)

    def to_text(self) -> str:
        """LightGBM's own text form, or the constant."""
        if isinstance(self.booster, SavedTrees):
            return self.booster.text
        return repr(self.constant) if self.booster is None else self.booster.model_to_string()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what :meth:`to_text` wrote."""
        return cls(SavedTrees(text), math.nan) if text.startswith("tree") else cls(None, float(text))
