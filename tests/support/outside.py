"""A model from outside the repository: the files that a user writes into a project's folder."""

from __future__ import annotations

from pathlib import Path

#: Nearest neighbours, with a constant and a function in a second file.
MODEL = '''\
"""Predicts the mean of the nearest training rows."""

import json

import numpy as np
import pandas as pd
from electrode_bench.core.config import Strict
from electrode_bench.models import ModelSpec, Prediction
from pydantic import PositiveInt

from my_lab.distance import between


class Config(Strict):
    neighbours: PositiveInt = 3
    """Training rows that are averaged."""


class Neighbours:
    def __init__(self, config, seed):
        self.config = config

    def fit(self, frame, targets):
        self.x, self.y, self.targets = frame.to_numpy(), targets.to_numpy(), list(targets.columns)
        return self

    def predict(self, frame):
        nearest = between(frame.to_numpy(), self.x).argsort(axis=1, kind="stable")[:, : self.config.neighbours]
        return Prediction(pd.DataFrame(self.y[nearest].mean(axis=1), index=frame.index, columns=self.targets))

    def save(self, folder):
        np.savez(folder / "rows.npz", x=self.x, y=self.y)
        state = {"config": self.config.model_dump(mode="json"), "targets": self.targets}
        (folder / "neighbours.json").write_text(json.dumps(state))

    @classmethod
    def load(cls, folder):
        state, rows = json.loads((folder / "neighbours.json").read_text()), np.load(folder / "rows.npz")
        model = cls(Config(**state["config"]), 0)
        model.x, model.y, model.targets = rows["x"], rows["y"], state["targets"]
        return model


SPEC = ModelSpec(
    name="neighbours",
    title="Neighbours",
    build=Neighbours,
    load=Neighbours.load,
    config=Config,
    feature_set="magpie_mean",
)
'''

DISTANCE = '''\
"""How far compositions are apart."""

import numpy as np

ORDER = 2.0


def between(a, b):
    return (np.abs(a[:, None] - b[None]) ** ORDER).sum(axis=2)
'''

#: What params.yaml says of it.
VALUES = {"module": "my_lab.neighbours", "neighbours": 2}


def write_model(folder: Path, *, model: str = MODEL, distance: str = DISTANCE) -> None:
    """Write the package ``my_lab`` into a folder."""
    package = folder / "my_lab"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "neighbours.py").write_text(model)
    (package / "distance.py").write_text(distance)
