"""The control: every prediction is the training mean, which every model must improve on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.models.base import ModelSpec, Prediction


class Config(Strict):
    """The control has no options."""


class Control:
    """Predicts each target's training mean for every composition."""

    def __init__(self) -> None:
        self.mean_: pd.Series | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:  # noqa: ARG002 (the shape of every model)
        if targets.empty:
            raise ValueError("no training rows")
        # fsum is exact: the mean does not depend on the order of the rows.
        self.mean_ = pd.Series({str(name): math.fsum(values) / len(values) for name, values in targets.items()})
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if self.mean_ is None:
            raise ValueError("the control is not fitted; call fit first")
        values = np.tile(self.mean_.to_numpy(), (len(frame), 1))
        return Prediction(pd.DataFrame(values, index=frame.index, columns=self.mean_.index))

    def save(self, folder: Path) -> None:
        if self.mean_ is None:
            raise ValueError("the control is not fitted; call fit first")
        write_text(json.dumps({str(k): float(v) for k, v in self.mean_.items()}), folder / "mean.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.mean_ = pd.Series(json.loads((folder / "mean.json").read_text(encoding="utf-8")), dtype=float)
        return model


def build(config: Config, seed: int) -> Control:  # noqa: ARG001 (the shape of every build)
    return Control()


SPEC = ModelSpec(
    name="control",
    title="Control (training mean)",
    build=build,
    load=Control.load,
    config=Config,
    feature_set=None,
    light=True,
)
