"""MODNet's training: the loop over epochs, and predictions of the trained network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from electrode_bench.models.modnet.network import TreeNetwork
from electrode_bench.models.neural.session import autocast
from electrode_bench.models.neural.training import Loss, Optimisation, TrainingConfig, batch_size

#: Rows that are predicted at once.
_CHUNK = 4096


def absolute_error(out: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of each member (members,), from outputs and targets (members x n x targets)."""
    return (out - truth).abs().mean(dim=(1, 2))


def train(
    model: Any,
    network: TreeNetwork,
    x: np.ndarray,
    y: np.ndarray,
    config: TrainingConfig,
    *,
    loss_of: Loss,
    seed: int,
    device: torch.device,
) -> None:
    """Train all members of the ensemble at once; each sees the rows in its own order.

    Parameters
    ----------
    model : the :class:`MODNet` whose epoch callback is called.
    x, y : scaled features (n x features), and what the loss compares the outputs with (n x any number).
    loss_of : the loss of each member from its outputs and from ``y``.
    """
    rng = np.random.default_rng(seed)
    n = len(x)
    size = batch_size(n, config.batch_size)
    per_epoch = n // size
    optimisation = Optimisation(network, config, steps=config.epochs * per_epoch)
    inputs, truth = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
    for epoch in range(1, config.epochs + 1):
        order = np.stack([rng.permutation(n) for _ in range(config.ensemble_size)])
        for step in range(per_epoch):
            # Rows that do not fill a batch are left out of this epoch; the next one has another order.
            rows = torch.as_tensor(order[:, step * size : (step + 1) * size], device=device)
            with autocast(device):
                out = network(inputs[rows])
            # The sum over members keeps each member's gradient independent of their number.
            optimisation.step(loss_of(out, truth[rows]).sum())
        optimisation.call_back(model, epoch)
    optimisation.finish()


def predict(network: TreeNetwork, x: np.ndarray, device: torch.device) -> np.ndarray:
    """Outputs (members x n x outputs) from scaled features (n x features)."""
    chunks = [np.empty((network.members, 0, network.outputs))]
    for start in range(0, len(x), _CHUNK):
        chunk = torch.as_tensor(x[start : start + _CHUNK], device=device)
        with autocast(device):
            out = network(chunk.expand(network.members, *chunk.shape))
        chunks.append(out.float().cpu().numpy())
    return np.concatenate(chunks, axis=1)
