"""The heads of a network for electrodes: how its outputs are read, and the loss that they are trained by.

The outputs of an electrode are, in this order: one for each threshold of the extracted share, the scaled log density
ratio, the scaled voltage, and the logarithms of the standard deviations of the last two.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.neural.losses import HeadWeights

#: Quantities other than the share: log density ratio and voltage.
CONTINUOUS = 2
#: Smallest and largest logarithm of a standard deviation, in scaled units.
_LOG_STD_RANGE = (-6.0, 6.0)
#: Smallest distance between the first logits of neighbouring thresholds.
_STEP = 0.02
#: First probabilities stay this far from 0 and 1.
_MARGIN = 1e-3


def cumulative_logits(raw: torch.Tensor) -> torch.Tensor:
    """Logits of P(share <= threshold) (... x thresholds), increasing by construction.

    The first output is the first logit; the softplus of each other output is the distance from the logit before.
    """
    first, distance = raw[..., :1], nn.functional.softplus(raw[..., 1:])
    # A product with a triangle of ones, because torch has no deterministic cumulative sum on a GPU.
    summed = distance @ torch.ones(2 * distance.shape[-1:], dtype=raw.dtype, device=raw.device).triu()
    return torch.cat([first, first + summed], dim=-1)


def first_biases(scale: QuantityScale) -> torch.Tensor:
    """Outputs of the share (thresholds,) whose probabilities are those of the training rows."""
    prior = np.clip(scale.prior, _MARGIN, 1 - _MARGIN)
    logits = np.log(prior / (1 - prior))
    distance = np.maximum(np.diff(logits), _STEP)
    return torch.as_tensor(np.concatenate([logits[:1], np.log(np.expm1(distance))]), dtype=torch.float32)


class HeadLoss:
    """The loss of each member from its outputs and from :meth:`QuantityScale.truth`."""

    def __init__(self, weights: HeadWeights, scale: QuantityScale) -> None:
        self.weights = weights
        self.thresholds = len(scale.share.thresholds)

    def __call__(self, out: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Losses (members,) from outputs (members x n x outputs) and truth (n x columns, or with members first)."""
        k, weights = self.thresholds, self.weights
        truth = truth.expand(len(out), *truth.shape[-2:])
        of_row, true, below = truth[..., 0], truth[..., 1:3], truth[..., 3:]
        logits = cumulative_logits(out[..., :k])
        share = of_row * nn.functional.binary_cross_entropy_with_logits(logits, below, reduction="none").mean(-1)
        error = (out[..., k : k + CONTINUOUS] - true).abs()
        density, voltage = error.unbind(-1)
        if weights.voltage_loss == "huber":
            limit = weights.voltage_huber
            voltage = torch.where(voltage < limit, voltage**2 / (2 * limit), voltage - limit / 2)
        total = weights.share_weight * share + weights.density_weight * density + weights.voltage_weight * voltage
        # The standard deviations are fitted to the errors by the likelihood of a Laplace distribution; they do not
        # weigh the errors.
        log_std = out[..., k + CONTINUOUS :].clamp(*_LOG_STD_RANGE)
        spread = (2**0.5 * error.detach() * torch.exp(-log_std) + log_std).mean(-1)
        return (total + spread).mean(dim=1)


def read_outputs(out: np.ndarray, thresholds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The outputs (members x n x outputs) as :meth:`QuantityScale.prediction` takes them.

    Returns
    -------
    cumulative : (members x n x thresholds) P(share <= threshold).
    mean, std : (members x n x 2) of the log density ratio and the voltage, scaled.
    """
    from scipy.special import expit

    raw, rest = np.split(out.astype(np.float64), [thresholds], axis=-1)
    # As cumulative_logits, but a sum that adds from left to right, so that no probability falls by a last bit.
    logits = np.cumsum(np.concatenate([raw[..., :1], np.logaddexp(0.0, raw[..., 1:])], axis=-1), axis=-1)
    mean, log_std = np.split(rest, 2, axis=-1)
    return expit(logits), mean, np.exp(np.clip(log_std, *_LOG_STD_RANGE))
