"""Faraday, the physical control: all of the ion is extracted, the density is additive, the voltage the training mean.

What a learning model must improve on, beside the training mean. The gravimetric capacity learns nothing at all.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC, WITH_PHYSICS
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.base import ModelSpec, Prediction, check_columns, content_order
from electrode_bench.models.heads import AdditiveDensity, Electrodes, Quantities


class Config(Strict):
    """Faraday has no options."""


class Faraday:
    """Full extraction, additive density, and the training mean of the voltage.

    The predictive standard deviations are the root mean squares of the errors on the training rows: of the share, of
    the density and of the voltage.
    """

    def __init__(self) -> None:
        self.columns_: list[str] = []
        self.additive_: AdditiveDensity | None = None
        self.voltage_ = 0.0
        #: Root mean square errors of the share, of the density (relative) and of the voltage (V).
        self.errors_: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        if targets.empty:
            raise ValueError("no training rows")
        y = targets[list(TARGETS)].to_numpy(dtype=np.float64)
        order = content_order(frame.to_numpy(dtype=np.float64), y)
        frame, targets = frame.iloc[order], targets.iloc[order]
        self.columns_ = [str(c) for c in frame.columns]
        electrodes = Electrodes.of(frame)
        quantities = Quantities.of(targets, electrodes)
        self.additive_ = AdditiveDensity.fit(electrodes.fractions, quantities.density, SYMBOLS)
        # fsum is exact: the mean does not depend on the order of the rows.
        self.voltage_ = math.fsum(quantities.voltage) / len(targets)
        share = 1.0 if electrodes.exact_share is None else electrodes.exact_share
        factor = np.log(quantities.density / self.additive_.density(electrodes.fractions))
        residuals = (quantities.share - share, factor, quantities.voltage - self.voltage_)
        share_error, density_error, voltage_error = (float(np.sqrt(np.mean(r**2))) for r in residuals)
        self.errors_ = (share_error, density_error, voltage_error)
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if self.additive_ is None:
            raise ValueError("the model is not fitted; call fit first")
        check_columns(frame, self.columns_)
        electrodes = Electrodes.of(frame)
        n = len(frame)
        share = np.ones(n) if electrodes.exact_share is None else electrodes.exact_share
        density = self.additive_.density(electrodes.fractions)
        targets = Quantities(share, density, np.full(n, self.voltage_)).targets(electrodes)
        share_error, density_error, voltage_error = self.errors_
        gravimetric = share_error * electrodes.full_capacity
        std = {
            GRAVIMETRIC.key: gravimetric,
            VOLUMETRIC.key: density * np.hypot(gravimetric, share * electrodes.full_capacity * density_error),
            VOLTAGE.key: np.full(n, voltage_error),
        }
        values = np.stack([std[name] for name in TARGETS], axis=1)
        return Prediction.of(targets, values, index=frame.index, targets=list(TARGETS))

    def save(self, folder: Path) -> None:
        if self.additive_ is None:
            raise ValueError("the model is not fitted; call fit first")
        state = {
            "columns": self.columns_,
            "additive": self.additive_.to_json(),
            "voltage": self.voltage_,
            "errors": self.errors_,
        }
        write_text(json.dumps(state), folder / "faraday.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "faraday.json").read_text(encoding="utf-8"))
        model = cls()
        model.columns_, model.voltage_ = state["columns"], state["voltage"]
        model.additive_ = AdditiveDensity.from_json(state["additive"])
        share, density, voltage = state["errors"]
        model.errors_ = (share, density, voltage)
        return model


def build(config: Config, seed: int) -> Faraday:  # noqa: ARG001 (the shape of every build)
    return Faraday()


SPEC = ModelSpec(
    name="faraday",
    title="Faraday (full extraction)",
    build=build,
    load=Faraday.load,
    config=Config,
    feature_set="elements+redox",
    light=True,
    reads=WITH_PHYSICS,
)
