"""The targets as extracted share, density and voltage, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.features.elements import SYMBOLS

#: Column of the feature set `redox`: capacity (mAh/g) if all of the working ion is extracted.
FULL_CAPACITY = "redox: full capacity"
#: Column of the same set when the charged formula is an input too: the extracted share, exactly.
EXACT_SHARE = "redox: extracted share"


@dataclass(frozen=True)
class Electrodes:
    """What the heads need to know of n electrodes.

    Attributes
    ----------
    full_capacity : (n,) mAh/g of full extraction, by Faraday's law.
    fractions : (n x 118) atomic fractions of the discharged compound, by atomic number.
    exact_share : (n,) the extracted share where the charged formula is known; None otherwise.
    """

    full_capacity: np.ndarray
    fractions: np.ndarray
    exact_share: np.ndarray | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """From a frame with the columns of the feature sets `redox` and `elements`.

        Raises
        ------
        ValueError
            When a column is missing.
        """
        prefix = f"{FORMULA}: " if f"{FORMULA}: {SYMBOLS[0]}" in frame else ""
        columns = [f"{prefix}{symbol}" for symbol in SYMBOLS]
        missing = [name for name in (FULL_CAPACITY, *columns) if name not in frame]
        if missing:
            raise ValueError(f"the feature sets `elements` and `redox` are needed; '{missing[0]}' is missing")
        exact = frame[EXACT_SHARE].to_numpy(dtype=np.float64) if EXACT_SHARE in frame else None
        return cls(frame[FULL_CAPACITY].to_numpy(dtype=np.float64), frame[columns].to_numpy(dtype=np.float64), exact)


@dataclass(frozen=True)
class Quantities:
    """Extracted share (0..1), density (g/cm3) and voltage (V) of n electrodes, each (n,)."""

    share: np.ndarray
    density: np.ndarray
    voltage: np.ndarray

    @classmethod
    def of(cls, targets: pd.DataFrame, electrodes: Electrodes) -> Self:
        """From targets in their units. A share that rounding puts above 1 is 1, and so is that of a capacity of 0."""
        gravimetric = targets[GRAVIMETRIC.key].to_numpy(dtype=np.float64)
        full = electrodes.full_capacity
        return cls(
            np.clip(np.divide(gravimetric, full, out=np.ones_like(full), where=full > 0), 0.0, 1.0),
            targets[VOLUMETRIC.key].to_numpy(dtype=np.float64) / gravimetric,
            targets[VOLTAGE.key].to_numpy(dtype=np.float64),
        )

    def targets(self, electrodes: Electrodes, names: Sequence[str] = tuple(TARGETS)) -> np.ndarray:
        """The reported targets (n x names), each in its unit, composed from the quantities."""
        gravimetric = np.clip(self.share, 0.0, 1.0) * electrodes.full_capacity
        composed = {
            GRAVIMETRIC.key: gravimetric,
            VOLUMETRIC.key: gravimetric * self.density,
            VOLTAGE.key: self.voltage,
        }
        return np.stack([composed[name] for name in names], axis=1)
