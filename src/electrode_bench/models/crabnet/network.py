"""CrabNet's network: element tokens with fractional encodings, a transformer, and an average over elements.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. Widths are parameters, one network predicts any number of targets, and the members of
an ensemble are computed together. With the study's widths, one target and one member it computes what the crabnet
package 2.0.8 computes (benchmarks/parity).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from electrode_bench.models.neural.layers import Dense, EncoderLayer, LayerNorm

#: Number of steps that a fraction from 0 to 1 is rounded to before it is encoded.
RESOLUTION = 5000
#: Base of the wavelengths of the encoding.
_WAVELENGTH = 50.0
#: Smallest and largest logarithm of the standard deviation, in scaled units.
_LOG_STD_RANGE = (-6.0, 6.0)


def fraction_encoding(width: int) -> torch.Tensor:
    """Alternating sines and cosines of the steps 0..4999 at ``width`` wavelengths: (5000 x width)."""
    step = torch.arange(RESOLUTION, dtype=torch.float32)[:, None]
    column = torch.arange(width, dtype=torch.float32)[None, :]
    angle = step / torch.pow(torch.tensor(_WAVELENGTH), 2 * column / width)
    return torch.where(torch.arange(width)[None, :] % 2 == 0, torch.sin(angle), torch.cos(angle))


def encoding_step(fraction: torch.Tensor, *, logarithmic: bool) -> torch.Tensor:
    """The step (0..4999) that encodes a fraction: linear, or 0.0025 log2(x)^2, which resolves small fractions."""
    value = fraction
    if logarithmic:
        value = (0.0025 * torch.log2(fraction) ** 2).clamp(max=1.0)
    return torch.round(value.clamp(1.0 / RESOLUTION, 1.0) * RESOLUTION).long() - 1


class ResidualNetwork(nn.Module):
    """Linear layers with leaky ReLU, each with a linear shortcut, followed by the linear output ``fc_out``."""

    def __init__(self, members: int, width: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        widths = [width, *hidden]
        pairs = list(itertools.pairwise(widths))
        self.fcs = nn.ModuleList(Dense(members, a, b) for a, b in pairs)
        self.res_fcs = nn.ModuleList(Dense(members, a, b, bias=False) if a != b else nn.Identity() for a, b in pairs)
        self.fc_out = Dense(members, widths[-1], outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, shortcut in zip(self.fcs, self.res_fcs, strict=True):
            x = nn.functional.leaky_relu(layer(x)) + shortcut(x)
        return x


class CrabNetwork(nn.Module):
    """Mean and logarithm of the standard deviation of each target, in scaled units, by each member of an ensemble.

    Parameters
    ----------
    element_vectors : (n_tokens, 200): row 0, all zero, is the padding.
    parts : how many formulas describe an electrode; with more than one, a learned vector is added for each formula.
    targets : number of targets. Each has three outputs: mean, logarithm of the standard deviation, gate of the mean.
    detach_std : whether the loss of the standard deviation trains the output layer only, not the layers below.
    gated : whether the mean is multiplied by a learned probability, which is meant for targets that are often zero.
    norm_first : see :class:`EncoderLayer`.
    by_fraction : whether the transformer's output for an element is multiplied by the element's fraction.
    """

    def __init__(
        self,
        element_vectors: np.ndarray,
        *,
        members: int,
        targets: int,
        parts: int = 1,
        d_model: int,
        layers: int,
        heads: int,
        feed_forward: int,
        hidden: Sequence[int],
        dropout: float,
        detach_std: bool = False,
        by_fraction: bool = False,
        gated: bool = True,
        norm_first: bool = False,
    ) -> None:
        super().__init__()
        self.members, self.targets = members, targets
        self.detach_std, self.by_fraction, self.gated = detach_std, by_fraction, gated
        self.register_buffer("element_vectors", torch.as_tensor(element_vectors, dtype=torch.float32), persistent=False)
        self.register_buffer("encoding", fraction_encoding(d_model // 2), persistent=False)
        self.embed = Dense(members, element_vectors.shape[1], d_model)
        self.part = nn.Parameter(0.1 * torch.randn(members, parts, d_model)) if parts > 1 else None
        self.scalers = nn.Parameter(torch.ones(members, 3))
        self.layers = nn.ModuleList(
            EncoderLayer(members, d_model, heads, feed_forward, dropout=dropout, norm_first=norm_first)
            for _ in range(layers)
        )
        self.norm = LayerNorm(members, d_model) if norm_first else None
        self.output = ResidualNetwork(members, d_model, hidden, 3 * targets)

    def forward(
        self, token: torch.Tensor, fraction: torch.Tensor, part: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and logarithm of the standard deviation, each (members x n x targets).

        Parameters
        ----------
        token, part : (n x elements) atomic number, 0 for padding; number of the formula that the element belongs to.
        fraction : (n x elements), or (members x n x elements) when members see different fractions.
        """
        encoding, vectors = self.get_buffer("encoding"), self.get_buffer("element_vectors")
        padding = token == 0
        scaler = self.scalers[:, :, None, None, None]
        # Each element is embedded once, however many tokens it has.
        x = self.embed(vectors.expand(self.members, *vectors.shape))[:, token] * scaler[:, 0]
        fraction = fraction.expand(self.members, *token.shape)
        linear = encoding[encoding_step(fraction, logarithmic=False)] * scaler[:, 1]
        logarithmic = encoding[encoding_step(fraction, logarithmic=True)] * scaler[:, 2]
        x = x + torch.cat([linear, logarithmic], dim=-1)
        if self.part is not None:
            x = x + self.part[:, part]
        for layer in self.layers:
            x = layer(x, padding)
        if self.norm is not None:
            x = self.norm(x.flatten(1, 2)).reshape(x.shape)
        if self.by_fraction:
            x = x * fraction[..., None]
        members, n, tokens, width = x.shape
        x = self.output(x.reshape(members, n * tokens, width)).float().reshape(members, n, tokens, -1)
        # The output is linear, so averaging its input over the elements first gives the same result at lower cost.
        x = x.masked_fill(padding[None, ..., None], 0.0).sum(2) / (~padding).sum(1)[None, :, None]
        # bfloat16 has three digits: enough inside the network, but not for its output.
        with torch.autocast(x.device.type, enabled=False):
            last = self.output.fc_out
            mean, log_std, gate = last(x).unflatten(2, (3, self.targets)).unbind(2)
            if self.detach_std and self.training:
                bias, columns = last.get_parameter("bias"), slice(self.targets, 2 * self.targets)
                log_std = torch.baddbmm(bias[..., columns], x.detach(), last.weight[..., columns])
        return mean * torch.sigmoid(gate) if self.gated else mean, log_std.clamp(*_LOG_STD_RANGE)
