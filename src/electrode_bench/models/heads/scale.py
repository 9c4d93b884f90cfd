"""Between what a model learns and extracted share, density and voltage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.data.density import AdditiveDensity
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.base import Prediction
from electrode_bench.models.heads.compose import composed
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.share import ShareScale
from electrode_bench.models.target_scale import TargetScale


@dataclass(frozen=True)
class QuantityScale:
    """What a model learns for an electrode, from the training rows.

    A model learns P(share <= threshold) for each threshold, the logarithm of the density divided by the additive
    density, and the voltage.

    Attributes
    ----------
    share : the thresholds, and the share that stands for each interval between them.
    additive : the additive density.
    scale : of the two continuous quantities, log density ratio and voltage.
    density : smallest and largest density of the training rows (g/cm3); predictions are clipped to them.
    capacity : mean full-extraction capacity of the training rows (mAh/g).
    prior : (thresholds,) share of the training rows at or below each threshold.
    """

    share: ShareScale
    additive: AdditiveDensity
    scale: TargetScale
    density: tuple[float, float]
    capacity: float
    prior: tuple[float, ...]

    @classmethod
    def of(cls, quantities: Quantities, electrodes: Electrodes) -> Self:
        """From the training rows."""
        share = ShareScale.of(quantities.share)
        additive = AdditiveDensity.fit(electrodes.fractions, quantities.density, SYMBOLS)
        return cls(
            share,
            additive,
            TargetScale.of(np.stack([_log_ratio(quantities, electrodes, additive), quantities.voltage], axis=1)),
            (float(quantities.density.min()), float(quantities.density.max())),
            float(electrodes.full_capacity.mean()),
            tuple(share.below(quantities.share).mean(axis=0).tolist()),
        )

    def log_ratio(self, quantities: Quantities, electrodes: Electrodes) -> np.ndarray:
        """Logarithm (n,) of the density divided by the additive density."""
        return _log_ratio(quantities, electrodes, self.additive)

    def truth(self, quantities: Quantities, electrodes: Electrodes) -> np.ndarray:
        """What the loss compares a network's outputs with: (n x (3 + thresholds)), as float32.

        The columns are the weight of the row's share, which is its full-extraction capacity over the mean of the
        training rows; the scaled log density ratio; the scaled voltage; and 0 or 1 for each threshold.
        """
        continuous = np.stack([self.log_ratio(quantities, electrodes), quantities.voltage], axis=1)
        columns = [
            (electrodes.full_capacity / self.capacity)[:, None],
            self.scale.scaled(continuous),
            self.share.below(quantities.share),
        ]
        return np.concatenate(columns, axis=1).astype(np.float32)

    def prediction(
        self,
        cumulative: np.ndarray,
        mean: np.ndarray,
        std: np.ndarray,
        electrodes: Electrodes,
        *,
        index: pd.Index,
        targets: list[str],
    ) -> Prediction:
        """The prediction of an ensemble of networks, from their scaled outputs.

        Parameters
        ----------
        cumulative : (members x n x thresholds) P(share <= threshold), non-decreasing.
        mean, std : (members x n x 2) scaled log density ratio and voltage, and their standard deviations.
        """
        # Law of total variance over the members.
        total = np.sqrt((std.astype(np.float64) ** 2).mean(axis=0) + mean.var(axis=0, dtype=np.float64))
        return self.composed(
            electrodes,
            cumulative=np.clip(cumulative.mean(axis=0, dtype=np.float64), 0.0, 1.0),
            continuous=self.scale.restored(mean.mean(axis=0)),
            std=total * self.scale.scale,
            index=index,
            targets=targets,
        )

    def composed(
        self,
        electrodes: Electrodes,
        *,
        cumulative: np.ndarray,
        continuous: np.ndarray,
        std: np.ndarray,
        index: pd.Index,
        targets: Sequence[str] = tuple(TARGETS),
    ) -> Prediction:
        """The prediction from what a model learned; density and voltage are clipped to the range of the training rows.

        Parameters
        ----------
        cumulative : (n x thresholds) P(share <= threshold), non-decreasing.
        continuous, std : (n x 2) log density ratio and voltage (V), and their standard deviations.
        """
        log_ratio, voltage = np.clip(continuous, self.scale.low, self.scale.high).T
        return composed(
            electrodes,
            cumulative=cumulative,
            scale=self.share,
            density=np.clip(self.additive.density(electrodes.fractions) * np.exp(log_ratio), *self.density),
            density_std=std[:, 0],
            voltage=voltage,
            voltage_std=std[:, 1],
            index=index,
            names=targets,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "share": self.share.to_json(),
            "additive": self.additive.to_json(),
            "scale": self.scale.to_json(),
            "density": list(self.density),
            "capacity": self.capacity,
            "prior": list(self.prior),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(
            ShareScale.from_json(value["share"]),
            AdditiveDensity.from_json(value["additive"]),
            TargetScale.from_json(value["scale"]),
            (value["density"][0], value["density"][1]),
            value["capacity"],
            tuple(value["prior"]),
        )


def _log_ratio(quantities: Quantities, electrodes: Electrodes, additive: AdditiveDensity) -> np.ndarray:
    return np.asarray(np.log(quantities.density / additive.density(electrodes.fractions)))
