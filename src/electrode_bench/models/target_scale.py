"""Targets as numbers of order one, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

#: Standard deviation of a normal distribution divided by its median absolute deviation.
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class TargetScale:
    """Scales targets to order one; each array (targets,) has one entry for each target, in its unit.

    ``centre`` is the median and ``scale`` the median absolute deviation times 1.4826, the standard deviation of a
    normal distribution, so that a few unphysical voltages do not change them. Predictions are clipped to the range of
    the training targets, from ``low`` to ``high``: a composition far from all training compositions cannot get an
    unbounded number. (A random forest has these bounds by nature.)
    """

    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray) -> Self:
        """From training targets (n x targets) in their units."""
        centre = np.median(targets, axis=0)
        scale = _NORMAL_MAD * np.median(np.abs(targets - centre), axis=0)
        # When more than half of the values are equal, the mean deviation still gives the order of magnitude.
        scale = np.where(scale > 0, scale, np.abs(targets - centre).mean(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        return cls(centre, scale, targets.min(axis=0), targets.max(axis=0))

    def scaled(self, targets: np.ndarray, *, dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """Targets (n x targets) without unit."""
        return np.asarray((targets - self.centre) / self.scale, dtype=dtype)

    def restored(self, mean: np.ndarray) -> np.ndarray:
        """Scaled predictions (n x targets) in the targets' units, clipped to the training range; NaN stays NaN."""
        return np.asarray(np.clip(mean.astype(np.float64) * self.scale + self.centre, self.low, self.high))

    def to_json(self) -> dict[str, list[float]]:
        return {name: getattr(self, name).tolist() for name in ("centre", "scale", "low", "high")}

    @classmethod
    def from_json(cls, value: dict[str, list[float]]) -> Self:
        return cls(**{name: np.array(numbers) for name, numbers in value.items()})
