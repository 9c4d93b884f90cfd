"""CrabNet: attention over the elements of a composition; an ensemble that predicts three targets and their uncertainty.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. Training is cheaper than in the crabnet package: a batch is padded to its own longest
composition, a repeated composition goes through the network once and is compared with all its rows, and the three
targets share one network. docs/decisions/0010-networks.md lists what was tried.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.features.composition import element_table
from electrode_bench.models.base import EpochCallback, Prediction, content_order
from electrode_bench.models.crabnet.config import PRESETS, Config
from electrode_bench.models.crabnet.tokens import Compositions, ElementColumns, Tokens
from electrode_bench.models.target_scale import TargetScale

if TYPE_CHECKING:
    from electrode_bench.models.crabnet.network import CompositionNetwork
    from electrode_bench.models.neural.training import Loss


class CrabNet:
    """An ensemble of CrabNet networks.

    The predicted mean is the mean of the members, clipped to the range of the training targets. The predictive standard
    deviation combines the networks' own estimate (aleatoric: how far rows lie from the mean) with the disagreement of
    the members.

    A subclass may read further features and learn other quantities than the targets: it replaces :meth:`_read_columns`,
    :meth:`_values`, :meth:`_numbers` and :meth:`_tokens`, and :meth:`_learned`, :meth:`_loss`, :meth:`_network`,
    :meth:`_prediction`, :meth:`_state` and :meth:`_restore`.
    """

    CONFIG: type[Strict] = Config
    #: Name of the file with everything but the weights.
    FILE = "crabnet.json"

    def __init__(self, config: Any, seed: int) -> None:
        #: Of the class ``CONFIG``.
        self.config = config
        self.seed = seed
        self.all_columns_: list[str] = []
        self.columns_: ElementColumns | None = None
        self.targets_: list[str] = []
        self.scale_: TargetScale | None = None
        self.network_: CompositionNetwork | None = None
        self.epoch_callback: EpochCallback | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        # torch takes seconds to load.
        from electrode_bench.models.crabnet.training import train
        from electrode_bench.models.neural.session import session

        if targets.empty:
            raise ValueError("no training rows")
        self._read_columns([str(c) for c in frame.columns])
        assert self.columns_ is not None
        x, y = self._values(frame), targets.to_numpy(dtype=np.float64)
        if not np.isfinite(y).all():
            raise ValueError("features and targets must be finite, and fractions not negative")
        order = content_order(x, y)
        self.targets_ = [str(c) for c in targets.columns]
        numbers = self._numbers(x[order], fitting=True)
        truth = self._learned(frame.iloc[order], targets.iloc[order])
        data = Compositions.of(numbers, truth, self._tokens)
        seed = derive(self.seed, "training")
        with session(seed) as device:
            network = self._network().to(device)
            train(
                self,
                network,
                data,
                self.config,
                fraction_noise=self.config.fraction_noise,
                loss_of=self._loss(),
                parts=self.columns_.n_parts,
                seed=seed,
                device=device,
            )
        self.network_ = network.cpu()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        import torch

        from electrode_bench.models.crabnet.training import predict
        from electrode_bench.models.neural.session import session

        if self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        # Equal electrodes get equal numbers, whatever the other rows are.
        distinct, back = np.unique(self._numbers(self._values(frame)), axis=0, return_inverse=True)
        tokens = self._tokens(distinct)
        with session(self.seed) as device, torch.no_grad():
            out = predict(self.network_.to(device).eval(), tokens, device)
            self.network_.cpu()
        return self._prediction([array[:, back.ravel()] for array in out], frame)

    def save(self, folder: Path) -> None:
        from electrode_bench.models.neural.weights import save_weights

        if self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        save_weights(self.network_, folder)
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": self.all_columns_,
            "targets": self.targets_,
            "scale": self._state(),
        }
        write_text(json.dumps(state), folder / self.FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        from electrode_bench.models.neural.weights import load_weights

        state = json.loads((folder / cls.FILE).read_text(encoding="utf-8"))
        model = cls(cls.CONFIG(**state["config"]), state["seed"])
        model._read_columns(state["columns"])
        model.targets_ = state["targets"]
        model._restore(state["scale"])
        model.network_ = model._network()
        load_weights(model.network_, folder)
        return model

    def _read_columns(self, columns: list[str]) -> None:
        """Find out what the columns of a frame stand for."""
        self.all_columns_, self.columns_ = columns, ElementColumns.of(columns)

    def _values(self, frame: pd.DataFrame) -> np.ndarray:
        """The values of a frame (n x any number), checked."""
        assert self.columns_ is not None
        values = self.columns_.values(frame)
        require_elements(values)
        return values

    def _numbers(self, values: np.ndarray, *, fitting: bool = False) -> np.ndarray:  # noqa: ARG002 (for subclasses)
        """What tokens are made of, from :meth:`_values`; ``fitting`` says that they are those of the training rows."""
        return values

    def _tokens(self, numbers: np.ndarray) -> Tokens:
        """Tokens from distinct rows of :meth:`_numbers`."""
        assert self.columns_ is not None
        return Tokens.of(numbers, self.columns_)

    def _learned(self, frame: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:  # noqa: ARG002 (for subclasses)
        """What the loss compares the outputs with (n x any number), from the training rows in their final order."""
        y = targets.to_numpy(dtype=np.float64)
        self.scale_ = TargetScale.of(y)
        return self.scale_.scaled(y)

    def _loss(self) -> Loss:
        from electrode_bench.models.crabnet.training import laplace_loss

        return laplace_loss(self.config.loss)

    def _prediction(self, out: list[np.ndarray], frame: pd.DataFrame) -> Prediction:
        """From what the network returned, arrays (members x n x any number), for the rows of ``frame``."""
        assert self.scale_ is not None
        means, log_stds = out
        mean = self.scale_.restored(means.mean(axis=0))
        # Law of total variance over the members.
        std = np.sqrt((np.exp(log_stds) ** 2).mean(axis=0) + means.var(axis=0)) * self.scale_.scale
        return Prediction.of(mean, std, index=frame.index, targets=self.targets_)

    def _state(self) -> dict[str, Any]:
        """What was found in the training rows, for JSON."""
        assert self.scale_ is not None
        return self.scale_.to_json()

    def _restore(self, state: dict[str, Any]) -> None:
        self.scale_ = TargetScale.from_json(state)

    def _network(self) -> CompositionNetwork:
        from electrode_bench.models.crabnet.network import CrabNetwork

        assert self.columns_ is not None
        return CrabNetwork(
            token_vectors(),
            members=self.config.ensemble_size,
            targets=len(self.targets_),
            parts=self.columns_.n_parts,
            dropout=self.config.dropout,
            detach_std=self.config.loss == "l1",
            **PRESETS[self.config.preset],
        )


def token_vectors() -> np.ndarray:
    """The vector of each token (n_tokens x 200), by atomic number: those of mat2vec, and zeros for the padding."""
    vectors = element_table("mat2vec").to_numpy()
    return np.concatenate([np.zeros((1, vectors.shape[1])), vectors])


def require_elements(values: np.ndarray) -> None:
    """Raise a UserError when a row (of n x columns) has no element."""
    if (values.max(axis=1, initial=0.0) <= 0).any():
        raise UserError("a composition without elements cannot be fitted or predicted")
