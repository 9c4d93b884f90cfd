"""What the training of every network shares: size of a batch, optimiser with its schedule, and the epoch callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pandas as pd
import torch

from electrode_bench.models.base import EpochCallback, Prediction
from electrode_bench.models.neural.weights import WeightEMA, set_weights


class TrainingConfig(Protocol):
    """What the configuration of every network says about its training."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    ema: float
    ensemble_size: int


#: The loss of each member (members,) from the outputs of a network and from what they are compared with.
Loss = Callable[[Any, torch.Tensor], torch.Tensor]

#: Small training sets get smaller batches: this many in an epoch, down to this size.
_STEPS, _SMALLEST_BATCH = 8, 64


def batch_size(n: int, largest: int) -> int:
    """Rows in a batch for a training set of ``n`` rows: ``largest``, or fewer when the set is small."""
    return min(largest, max(_SMALLEST_BATCH, -(-n // _STEPS)), n)


def one_cycle(
    network: torch.nn.Module, *, steps: int, learning_rate: float, weight_decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW, and a schedule that raises its learning rate to ``learning_rate`` and lowers it again in ``steps`` steps.

    After L. N. Smith and N. Topin (2017), arXiv:1708.07120.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    # One more step than planned, because a schedule of a single step is not allowed.
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 1)


class _Trainable(Protocol):
    """A model whose network is being trained in epochs."""

    epoch_callback: EpochCallback | None
    network_: Any

    def predict(self, frame: pd.DataFrame) -> Prediction: ...


def call_back(
    model: _Trainable, network: torch.nn.Module, ema: WeightEMA, *, device: torch.device, done: int, planned: int
) -> None:
    """Call the model's epoch callback, if it has one, and leave the network and its training as they were.

    The callback predicts with the averaged weights, as the fitted model would.
    """
    if model.epoch_callback is None:
        return

    def predict(frame: pd.DataFrame) -> Prediction:
        live, fitted = [p.detach().clone() for p in network.parameters()], model.network_
        set_weights(network, ema.weights())
        model.network_ = network
        try:
            return model.predict(frame)
        finally:
            model.network_ = fitted
            set_weights(network.to(device), live)
            network.train()

    model.epoch_callback(done, planned, predict)
