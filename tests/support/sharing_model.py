"""A model that predicts the distribution of the extracted share, from one feature and without any training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.schema import SHARE_THRESHOLDS
from electrode_bench.models.base import ModelSpec, Prediction, check_columns

#: The middle of each interval.
VALUES = (0.075, 0.2, 0.275, 0.33, 0.405, 0.485, 0.56, 0.65, 0.75, 0.85, 0.9425, 0.9925)


class Config(Strict):
    slope: float = 1.0
    """How fast P(full extraction) falls with the first feature."""


class Sharing:
    """P(share <= t) is t times a number between 0 and 1 that grows with the first feature; targets are the means."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.columns_: list[str] = []

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        if frame.empty:
            raise ValueError("no training rows")
        self.columns_ = [str(c) for c in frame.columns]
        self.targets_ = list(targets.columns)
        self.mean_ = np.sort(targets.to_numpy(), axis=0).mean(axis=0)
        self.low_, self.high_ = targets.min().to_numpy(), targets.max().to_numpy()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if not self.columns_:
            raise ValueError("the model is not fitted; call fit first")
        check_columns(frame, self.columns_)
        level = 1 / (1 + np.exp(-self.config.slope * frame.iloc[:, 0].to_numpy() / 100))
        mean = np.clip(np.tile(self.mean_, (len(frame), 1)), self.low_, self.high_)
        share = level[:, None] * np.array(SHARE_THRESHOLDS)
        return Prediction.of(mean, None, index=frame.index, targets=self.targets_, share=share, share_values=VALUES)

    def save(self, folder: Path) -> None:
        arrays = {name: getattr(self, f"{name}_").tolist() for name in ("mean", "low", "high")}
        state = {"config": self.config.model_dump(), "columns": self.columns_, "targets": self.targets_, **arrays}
        (folder / "sharing.json").write_text(json.dumps(state))

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "sharing.json").read_text())
        model = cls(Config(**state["config"]))
        model.columns_, model.targets_ = state["columns"], state["targets"]
        model.mean_, model.low_, model.high_ = (np.array(state[name]) for name in ("mean", "low", "high"))
        return model


def build(config: Config, seed: int) -> Sharing:  # noqa: ARG001
    return Sharing(config)


SPEC = ModelSpec(
    name="sharing_model",
    title="Sharing",
    build=build,
    load=Sharing.load,
    config=Config,
    feature_set="magpie_mean",
)
