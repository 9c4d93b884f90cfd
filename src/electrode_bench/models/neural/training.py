"""What the training of every network shares: size of a batch, optimiser with its schedule, and the epoch callback."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import pandas as pd
import torch
from torch.optim.adamw import adamw

from electrode_bench.models.base import EpochCallback, Prediction
from electrode_bench.models.neural.weights import FlatWeights, WeightEMA


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


class _Trainable(Protocol):
    """A model whose network is being trained in epochs."""

    epoch_callback: EpochCallback | None
    network_: Any

    def predict(self, frame: pd.DataFrame) -> Prediction: ...


def one_cycle(step: int, steps: int) -> tuple[float, float]:
    """Learning rate, as a share of its peak, and momentum of step ``step`` (from 0) of ``steps``.

    The learning rate rises in the first 30% of the steps and then falls to almost zero; the momentum falls and rises.
    The numbers are those of ``torch.optim.lr_scheduler.OneCycleLR`` with one more step than planned, because a schedule
    of a single step is not allowed. After L. N. Smith and N. Topin (2017), arXiv:1708.07120.
    """
    peak = 0.3 * (steps + 1) - 1
    low, high, done = (1 / 25, 1.0, step / peak) if step <= peak else (4e-6, 1.0, 1 - (step - peak) / (steps - peak))
    raised = (1 - math.cos(math.pi * done)) / 2
    return low + (high - low) * raised, 0.95 - 0.1 * raised


class Optimisation:
    """AdamW in a one-cycle schedule (:func:`one_cycle`), and the moving average of the weights.

    Parameters
    ----------
    network : on the device that it is trained on.
    steps : planned calls of :meth:`step`.
    clip : largest norm of the gradient of all weights; None for no limit.
    """

    def __init__(
        self, network: torch.nn.Module, config: TrainingConfig, *, steps: int, clip: float | None = None
    ) -> None:
        self._network, self._config, self._clip = network, config, clip
        self._flat = FlatWeights(network)
        self._average = WeightEMA(self._flat.values, steps=steps, share=config.ema)
        self._steps, self._done = steps, 0
        values = self._flat.values
        self._mean, self._square = torch.zeros_like(values), torch.zeros_like(values)
        self._count = torch.zeros((), device=values.device)
        network.train()

    def step(self, loss: torch.Tensor) -> None:
        """One step down the gradient of a loss."""
        values, grad = self._flat.values, self._flat.grad
        grad.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip is not None:
            torch.nn.utils.clip_grads_with_norm_([values], self._clip, grad.norm())
        rate, momentum = one_cycle(self._done, self._steps)
        # The class torch.optim.AdamW loads torch's compiler: more than a second of processor time in each process.
        with torch.no_grad():
            adamw(
                [values],
                [grad],
                [self._mean],
                [self._square],
                [],
                [self._count],
                fused=True,
                amsgrad=False,
                beta1=momentum,
                beta2=0.999,
                lr=rate * self._config.learning_rate,
                weight_decay=self._config.weight_decay,
                eps=1e-8,
                maximize=False,
            )
        self._done += 1
        self._average.update()

    def call_back(self, model: _Trainable, done: int) -> None:
        """Call the model's epoch callback, if it has one, and leave the network and its training as they were.

        The callback predicts with the averaged weights, as the fitted model would.
        """
        if model.epoch_callback is None:
            return

        def predict(frame: pd.DataFrame) -> Prediction:
            fitted, device = model.network_, self._flat.values.device
            self._flat.use(self._average.weights())
            model.network_ = self._network
            try:
                return model.predict(frame)
            finally:
                model.network_ = fitted
                self._network.to(device).train()
                self._flat.use(self._flat.values)

        model.epoch_callback(done, self._config.epochs, predict)

    def finish(self) -> None:
        """Give the network the averaged weights."""
        self._flat.release(self._average.weights())
        self._network.eval()
