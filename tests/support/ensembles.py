"""An ensemble that is fitted as other models are: its members are fitted one after the other, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pandas as pd

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.models.base import ModelSpec, Prediction
from electrode_bench.models.ensemble import Ensemble
from electrode_bench.models.members import FittedMember


class FittedTogether:
    """See the module.

    Parameters
    ----------
    frames : a table with the columns that each member reads, by the member's name.
    """

    def __init__(self, spec: ModelSpec, config: Strict, seed: int, *, frames: Mapping[str, pd.DataFrame]) -> None:
        self.ensemble: Ensemble = spec.build(config, seed)  # type: ignore[assignment]
        self.config, self.seed, self.frames = config, seed, frames

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        fitted = {}
        for name, member in models.members_of(self.config).items():
            columns = [str(column) for column in self.frames[name].columns]
            model = member.spec.build(member.config, derive(self.seed, name)).fit(frame[columns], targets)
            fitted[name] = FittedMember(model, member.spec, {}, tuple(columns))
        self.ensemble = self.ensemble.with_members(fitted)
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        return self.ensemble.predict(frame)

    def save(self, folder: Path) -> None:
        self.ensemble.save(folder)
