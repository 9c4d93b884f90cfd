"""CrabNet's training: batches of similar length, noise on the fractions, the losses, and the loop over epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from electrode_bench.models.crabnet.network import CompositionNetwork
from electrode_bench.models.crabnet.tokens import Compositions, Tokens
from electrode_bench.models.neural.session import autocast
from electrode_bench.models.neural.training import Loss, Optimisation, TrainingConfig, batch_size

#: Batches whose compositions are sorted by length together.
_BUCKET = 8
#: Largest norm of the gradient of one member of the ensemble.
_CLIP = 1.0
#: Smallest factor of the noise on a fraction, so that no element vanishes.
_LEAST = 0.01
#: Compositions that are predicted at once.
_CHUNK = 512


def train(
    model: Any,
    network: CompositionNetwork,
    data: Compositions,
    config: TrainingConfig,
    fraction_noise: float,
    *,
    loss_of: Loss,
    parts: int,
    seed: int,
    device: torch.device,
) -> None:
    """Train all members of the ensemble at once, on the same batches.

    Members differ in their first weights and in the noise on the fractions.

    Parameters
    ----------
    model : the :class:`CrabNet` whose epoch callback is called.
    loss_of : the loss of each member from the tensors that the network returns, one row for each row of the data, and
        from the data's targets.
    fraction_noise : relative standard deviation of the noise on the fractions.
    parts : how many formulas describe an electrode.
    """
    rng = np.random.default_rng(seed)
    n = len(data.tokens)
    size = batch_size(n, config.batch_size)
    steps = config.epochs * -(-n // size)
    optimisation = Optimisation(network, config, steps=steps, clip=_CLIP * config.ensemble_size**0.5)
    for epoch in range(1, config.epochs + 1):
        for positions in _batches(data.tokens.length, size, rng):
            batch = data.tokens.batch(positions, device)
            token, fraction, part = batch[:3]
            fraction = fraction.expand(config.ensemble_size, *token.shape)
            fraction = noisy_fractions(fraction, part, fraction_noise, parts=parts)
            truth, owner = data.rows_of(positions, device)
            with autocast(device):
                out = network(token, fraction, part, *batch[3:])
            # The sum over members keeps each member's gradient independent of their number.
            optimisation.step(loss_of([tensor[:, owner] for tensor in out], truth).sum())
        optimisation.call_back(model, epoch)
    optimisation.finish()


def predict(network: Any, tokens: Tokens, device: torch.device) -> list[np.ndarray]:
    """What the network returns for all compositions: arrays (members x n x width), one for each of its tensors.

    Compositions of one length are predicted together, so that no batch has padding.
    """
    arrays = [np.zeros((network.members, len(tokens), width), dtype=np.float32) for width in network.widths]
    for length in np.unique(tokens.length):
        rows = np.flatnonzero(tokens.length == length)
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            with autocast(device):
                out = network(*tokens.batch(chunk, device))
            for array, tensor in zip(arrays, out, strict=True):
                array[:, chunk] = tensor.float().cpu().numpy()
    return arrays


def noisy_fractions(fraction: torch.Tensor, part: torch.Tensor, noise: float, *, parts: int) -> torch.Tensor:
    """Fractions with relative noise, scaled so that each part of a composition keeps its sum; padding stays 0.

    Parameters
    ----------
    fraction : (members x n x tokens).
    part : (n x tokens) number of the formula that the element belongs to.
    noise : relative standard deviation.
    parts : how many formulas describe an electrode.
    """
    if noise == 0:
        return fraction
    noisy = fraction * (1 + noise * torch.randn_like(fraction)).clamp(min=_LEAST)
    factor = torch.ones_like(fraction)
    for number in range(parts):
        inside = part == number
        before, after = (torch.where(inside, f, 0.0).sum(-1, keepdim=True) for f in (fraction, noisy))
        # A part without elements has nothing to scale.
        factor = torch.where(inside & (after > 0), before / after, factor)
    return noisy * factor


def _batches(length: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Positions in batches of compositions of similar length, in random order, so that little is padding."""
    order = rng.permutation(len(length))
    batches = []
    for start in range(0, len(order), _BUCKET * size):
        bucket = order[start : start + _BUCKET * size]
        bucket = bucket[np.argsort(length[bucket], kind="stable")]
        batches += [bucket[i : i + size] for i in range(0, len(bucket), size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]


def laplace_loss(kind: str) -> Loss:
    """The loss of means and logarithms of standard deviations, each (members x n x targets).

    It is the negative log-likelihood of a Laplace distribution (robust_l1); or the absolute error of the mean, plus
    that likelihood as a function of the standard deviation alone (l1).
    """

    def loss_of(out: Sequence[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
        mean, log_std = out
        error = (truth - mean).abs()
        if kind == "robust_l1":
            return (2**0.5 * error * torch.exp(-log_std) + log_std).mean(dim=(1, 2))
        # The standard deviation is fitted to the errors but does not weigh them, nor does it train the layers below.
        return (error + 2**0.5 * error.detach() * torch.exp(-log_std) + log_std).mean(dim=(1, 2))

    return loss_of
