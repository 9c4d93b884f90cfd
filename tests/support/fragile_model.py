"""A model from outside the package whose fits fail when told to: it predicts the training mean, shifted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.models.base import ModelSpec, Prediction
from electrode_bench.models.search_space import Choice, Float


class Config(Strict):
    shift: float = 0.5
    """How far predictions lie from the training mean, in standard deviations."""
    broken: bool = False
    """Whether fits raise an error."""
    batch_size: int = 128
    """Rows of a batch."""
    memory: int = 1024
    """Largest batch that fits into memory."""
    waiting: float = 0.0
    """Seconds that a fit waits without computing anything."""


class Fragile:
    """Predicts the training mean plus ``shift`` standard deviations."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:  # noqa: ARG002
        if self.config.broken:
            raise ValueError("this fit was told to fail")
        if self.config.batch_size > self.config.memory:
            raise MemoryError
        time.sleep(self.config.waiting)
        self.columns_ = list(targets.columns)
        self.level_ = (targets.mean() + self.config.shift * targets.std()).to_numpy()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        mean = np.tile(self.level_, (len(frame), 1))
        return Prediction.of(mean, None, index=frame.index, targets=self.columns_)

    def save(self, folder: Path) -> None:
        state = {"config": self.config.model_dump(), "columns": self.columns_, "level": self.level_.tolist()}
        (folder / "fragile.json").write_text(json.dumps(state))

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "fragile.json").read_text())
        model = cls(Config(**state["config"]))
        model.columns_, model.level_ = state["columns"], np.array(state["level"])
        return model


def build(config: Config, seed: int) -> Fragile:  # noqa: ARG001
    return Fragile(config)


SPEC = ModelSpec(
    name="fragile",
    title="Fragile",
    build=build,
    load=Fragile.load,
    config=Config,
    feature_set="magpie_mean",
    space={"shift": Float(0.0, 1.0), "broken": Choice((False, True))},
)
