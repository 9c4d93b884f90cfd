"""CrabNet: attention over the elements of a composition; an ensemble that predicts three targets and their uncertainty.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. Training is cheaper than in the crabnet package: a batch is padded to its own longest
composition, a repeated composition goes through the network once and is compared with all its rows, and the three
targets share one network. docs/decisions/0010-networks.md lists what was tried.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.features.composition import element_table
from electrode_bench.models.base import EpochCallback, Prediction, content_order
from electrode_bench.models.crabnet.config import PRESETS, Config
from electrode_bench.models.crabnet.tokens import Compositions, ElementColumns, Tokens
from electrode_bench.models.target_scale import TargetScale

if TYPE_CHECKING:
    from electrode_bench.models.crabnet.network import CrabNetwork


class CrabNet:
    """An ensemble of CrabNet networks.

    The predicted mean is the mean of the members, clipped to the range of the training targets. The predictive standard
    deviation combines the networks' own estimate (aleatoric: how far rows lie from the mean) with the disagreement of
    the members.
    """

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.columns_: ElementColumns | None = None
        self.targets_: list[str] = []
        self.scale_: TargetScale | None = None
        self.network_: CrabNetwork | None = None
        self.epoch_callback: EpochCallback | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        # torch takes seconds to load.
        from electrode_bench.models.crabnet.training import train
        from electrode_bench.models.neural.session import session

        if targets.empty:
            raise ValueError("no training rows")
        self.columns_ = ElementColumns.of(frame.columns)
        x, y = self.columns_.values(frame), targets.to_numpy(dtype=np.float64)
        if not np.isfinite(y).all():
            raise ValueError("features and targets must be finite, and fractions not negative")
        _require_elements(x)
        order = content_order(x, y)
        x, y = x[order], y[order]
        self.targets_ = [str(c) for c in targets.columns]
        self.scale_ = TargetScale.of(y)
        data = Compositions.of(x, self.scale_.scaled(y), self.columns_)
        seed = derive(self.seed, "training")
        with session(seed) as device:
            network = self._network().to(device)
            train(self, network, data, self.config, parts=self.columns_.n_parts, seed=seed, device=device)
        self.network_ = network.cpu()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        import torch

        from electrode_bench.models.crabnet.training import predict
        from electrode_bench.models.neural.session import session

        if self.columns_ is None or self.scale_ is None or self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        values = self.columns_.values(frame)
        _require_elements(values)
        # Equal compositions get equal numbers, whatever the other rows are.
        distinct, back = np.unique(values, axis=0, return_inverse=True)
        tokens = Tokens.of(distinct, self.columns_)
        with session(self.seed) as device, torch.no_grad():
            means, log_stds = predict(self.network_.to(device).eval(), tokens, device)
            self.network_.cpu()
        mean = self.scale_.restored(means.mean(axis=0))
        # Law of total variance over the members.
        std = np.sqrt((np.exp(log_stds) ** 2).mean(axis=0) + means.var(axis=0)) * self.scale_.scale
        back = back.ravel()
        return Prediction.of(mean[back], std[back], index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        from electrode_bench.models.neural.weights import save_weights

        if self.columns_ is None or self.scale_ is None or self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        save_weights(self.network_, folder)
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": list(self.columns_.columns),
            "targets": self.targets_,
            "scale": self.scale_.to_json(),
        }
        write_text(json.dumps(state), folder / "crabnet.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        from electrode_bench.models.neural.weights import load_weights

        state = json.loads((folder / "crabnet.json").read_text(encoding="utf-8"))
        model = cls(Config(**state["config"]), state["seed"])
        model.columns_, model.targets_ = ElementColumns.of(state["columns"]), state["targets"]
        model.scale_ = TargetScale.from_json(state["scale"])
        model.network_ = model._network()
        load_weights(model.network_, folder)
        return model

    def _network(self) -> CrabNetwork:
        from electrode_bench.models.crabnet.network import CrabNetwork

        assert self.columns_ is not None
        vectors = element_table("mat2vec").to_numpy()
        return CrabNetwork(
            np.concatenate([np.zeros((1, vectors.shape[1])), vectors]),
            members=self.config.ensemble_size,
            targets=len(self.targets_),
            parts=self.columns_.n_parts,
            dropout=self.config.dropout,
            detach_std=self.config.loss == "l1",
            **PRESETS[self.config.preset],
        )


def _require_elements(values: np.ndarray) -> None:
    """Raise a UserError when a row (of n x columns) has no element."""
    if (values.max(axis=1, initial=0.0) <= 0).any():
        raise UserError("a composition without elements cannot be fitted or predicted")
