"""The inputs of a network: features as numbers of order one."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np

from electrode_bench.core.imputation import BELOW_CENTRED_RANGE, BELOW_STANDARDISED, impute

#: What a missing feature is imputed as, by scaling.
_IMPUTED_AS = {"minmax": BELOW_CENTRED_RANGE, "standard": BELOW_STANDARDISED}


class Scaling(Protocol):
    """Turns features into the inputs of a network."""

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Inputs (n x any number) from features (n x features; NaN is missing), as float32."""
        ...

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self: ...


class Inputs:
    """Scales features, clips them to the range of the training rows and imputes missing ones.

    Parameters
    ----------
    centre, scale, low, high : (features,) what is subtracted, what is divided by, and the range of the training rows.
    missing : what a missing feature is imputed as, after scaling.
    """

    def __init__(self, centre: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray, missing: Any) -> None:
        self.centre, self.scale, self.low, self.high = centre, scale, low, high
        self.missing = float(missing)

    @classmethod
    def of(cls, values: np.ndarray, *, kind: str) -> Self:
        """From the training rows (n x features); a feature that is constant or missing in all rows becomes constant.

        ``kind`` is "minmax" (to -0.5..0.5) or "standard" (to mean 0 and standard deviation 1).
        """
        absent = np.isnan(values).all(axis=0)
        present = np.where(absent, 0.0, values)
        low, high = np.nanmin(present, axis=0), np.nanmax(present, axis=0)
        if kind == "minmax":
            centre, scale = (low + high) / 2, high - low
        else:
            centre, scale = np.nanmean(present, axis=0), np.nanstd(present, axis=0)
        scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(high)), scale, 1.0)
        return cls(centre, scale, low, high, _IMPUTED_AS[kind])

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Features (n x features) without unit, as float32."""
        clipped = (np.clip(values, self.low, self.high) - self.centre) / self.scale
        return impute(clipped, np.isnan(values), self.missing).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).tolist() for name in ("centre", "scale", "low", "high")}
        return arrays | {"missing": self.missing}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(**{name: np.array(numbers) for name, numbers in value.items()})
