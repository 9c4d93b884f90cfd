"""Prediction intervals from the errors that a model made on electrodes outside its training set.

The intervals are split conformal (V. Vovk et al., Algorithmic Learning in a Random World, Springer 2005), with errors
divided by the predictive standard deviation (J. Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018),
doi:10.1080/01621459.2017.1307116).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, ID, TARGETS, VOLUMETRIC

#: Share of new electrodes whose true value should lie within the interval.
LEVEL = 0.9

#: Standard deviations below this share of their median are raised to it: no prediction is certain.
_SMALLEST_STD = 0.1

#: Targets that cannot be negative.
_POSITIVE = (GRAVIMETRIC.key, VOLUMETRIC.key)


@dataclass(frozen=True)
class Calibration:
    """How wide the intervals of one target must be.

    Parameters
    ----------
    factor : half the width of an interval, as a multiple of the predictive standard deviation. For a model that
        predicts none, half the width itself, in the target's unit.
    min_std : smaller standard deviations are raised to this value.
    has_std : whether the model predicts standard deviations.
    coverage : share of the calibration electrodes that lie within their interval.
    """

    factor: float
    min_std: float
    has_std: bool
    coverage: float

    @classmethod
    def from_errors(
        cls,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        y_std: np.ndarray,
        *,
        weight: np.ndarray | None = None,
        level: float = LEVEL,
    ) -> Calibration:
        """Calibrate on (n,) rows that the model was not trained on, in the target's unit.

        Parameters
        ----------
        y_std : predictive standard deviations; NaN for a model that predicts none.
        weight : (n,) share of an electrode's one vote that each row has; None gives each row a vote of its own.
        """
        weight = np.ones(len(y_true)) if weight is None else weight
        error = np.abs(y_true - y_pred)
        has_std = bool(np.isfinite(y_std).all()) and bool((y_std > 0).any())
        min_std = _SMALLEST_STD * float(np.median(y_std[y_std > 0])) if has_std else 0.0
        scale = np.maximum(y_std, min_std) if has_std else np.ones(len(error))
        order = np.argsort(error / scale, kind="stable")
        scores, votes = (error / scale)[order], np.cumsum(weight[order])
        # The (n + 1) makes the coverage hold for any number of votes. Too few give an infinite interval.
        electrodes = round(float(weight.sum()), 6)
        rank = math.ceil((electrodes + 1) * level)
        # Thirds of votes do not add up to whole ones exactly.
        reached = int(np.searchsorted(votes, rank - 1e-6))
        factor = float(scores[reached]) if reached < len(scores) else math.inf
        return cls(factor, min_std, has_std, float(np.average(error <= factor * scale, weights=weight)))

    def interval(self, target: str, value: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the intervals around (n,) predictions; a capacity's lower end is clipped to 0."""
        half = self.half_width(std)
        low = value - half
        return np.maximum(low, 0.0) if target in _POSITIVE else low, value + half

    def half_width(self, std: np.ndarray) -> np.ndarray:
        """Half the width of the intervals of predictions with these standard deviations (n,)."""
        return self.factor * (np.maximum(std, self.min_std) if self.has_std else np.ones(len(std)))


def calibrate(predictions: pd.DataFrame) -> dict[str, Calibration]:
    """The calibration of each target from a run's predictions (schema.PREDICTION_COLUMNS).

    Each electrode has one vote, which its rows share where several folds tested it.
    """
    calibration = {}
    for target in TARGETS:
        rows = predictions[predictions["target"] == target]
        y_true, y_pred, y_std = (rows[column].to_numpy(dtype=float) for column in ("y_true", "y_pred", "y_std"))
        weight = (1 / rows.groupby(ID)[ID].transform("size")).to_numpy(dtype=float)
        calibration[target] = Calibration.from_errors(y_true, y_pred, y_std, weight=weight)
    return calibration
