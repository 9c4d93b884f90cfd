"""Inputs of a network by rank: features as normally distributed numbers, with an indicator for each missing one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

#: Quantiles that a feature's distribution is described by.
_QUANTILES = 100
#: Largest scaled value.
_LIMIT = 3.0
#: Value of an indicator where the feature is missing; it is 0 elsewhere.
_MISSING = 2.0


class RankInputs:
    """Maps each feature's rank among the training rows to the quantile of a normal distribution.

    Long tails, such as those of ratios, become short, and values that differ by little but order the rows move apart.
    A feature of at most two values is standardised instead. A missing value becomes 0, the median. A feature that was
    missing in a training row gets an indicator, as a further input.

    Parameters
    ----------
    reference : (quantiles x features) of the training rows.
    two_valued : (features,) whether the feature has at most two values.
    indicated : (features,) whether the feature has an indicator.
    centre, scale : (features,) mean and standard deviation, for features of two values.
    """

    def __init__(
        self,
        reference: np.ndarray,
        two_valued: np.ndarray,
        indicated: np.ndarray,
        centre: np.ndarray,
        scale: np.ndarray,
    ) -> None:
        self.reference, self.two_valued, self.indicated = reference, two_valued, indicated
        self.centre, self.scale = centre, scale

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """From the training rows (n x features); a feature that is constant or missing in all rows becomes constant."""
        absent = np.isnan(values).all(axis=0)
        present = np.where(absent, 0.0, values)
        low, high = np.nanmin(present, axis=0), np.nanmax(present, axis=0)
        two_valued = (np.isnan(present) | (present == low) | (present == high)).all(axis=0)
        centre, scale = np.nanmean(present, axis=0), np.nanstd(present, axis=0)
        scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(high)), scale, 1.0)
        reference = np.nanquantile(present, np.linspace(0.0, 1.0, _QUANTILES), axis=0)
        return cls(reference, two_valued, np.isnan(values).any(axis=0) & ~absent, centre, scale)

    @property
    def width(self) -> int:
        """Number of inputs: the features and the indicators."""
        return len(self.centre) + int(self.indicated.sum())

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Inputs (n x width) without unit from features (n x features), as float32."""
        from scipy.special import ndtri

        missing = np.isnan(values)
        low, high = self.reference[0], self.reference[-1]
        clipped = np.where(missing, low, np.clip(values, low, high))
        standardised = (clipped - self.centre) / self.scale
        position = np.linspace(0.0, 1.0, len(self.reference))
        out = np.empty(values.shape)
        for j in range(values.shape[1]):
            if self.two_valued[j]:
                out[:, j] = standardised[:, j]
                continue
            of_feature = self.reference[:, j]
            # Equal quantiles: the middle of the ranks that they span.
            first = np.interp(clipped[:, j], of_feature, position)
            last = -np.interp(-clipped[:, j], -of_feature[::-1], -position[::-1])
            out[:, j] = np.clip(ndtri((first + last) / 2), -_LIMIT, _LIMIT)
        indicators = np.where(missing[:, self.indicated], _MISSING, 0.0)
        return np.concatenate([np.where(missing, 0.0, out), indicators], axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        names = ("reference", "two_valued", "indicated", "centre", "scale")
        return {name: getattr(self, name).tolist() for name in names}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(**{name: np.array(numbers) for name, numbers in value.items()})
