"""CrabNet's network: element tokens with fractional encodings, a transformer, and an average over elements.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. Widths are parameters, one network predicts any number of targets, and the members of
an ensemble are computed together. With the study's widths, one target and one member it computes what the crabnet
package 2.0.8 computes (benchmarks/parity).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from electrode_bench.models.neural.layers import Dense, EncoderLayer, LayerNorm

#: Number of steps that a fraction from 0 to 1 is rounded to before it is encoded.
RESOLUTION = 5000
#: Base of the wavelengths of the encoding.
_WAVELENGTH = 50.0
#: Smallest and largest logarithm of the standard deviation, in scaled units.
LOG_STD_RANGE = (-6.0, 6.0)


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


class CompositionNetwork(nn.Module):
    """The part that all heads share: from element tokens to the inputs of the output layer, averaged over the elements.

    Parameters
    ----------
    element_vectors : (n_tokens, 200): row 0, all zero, is the padding.
    outputs : width of the output layer, which a subclass applies.
    parts : how many formulas describe an electrode; with more than one, a learned vector is added for each formula.
    norm_first : see :class:`EncoderLayer`.
    by_fraction : whether the transformer's output for an element is multiplied by the element's fraction.
    context : number of features of the whole electrode, which are embedded and added to each of its tokens.
    """

    def __init__(
        self,
        element_vectors: np.ndarray,
        *,
        members: int,
        outputs: int,
        parts: int = 1,
        d_model: int,
        layers: int,
        heads: int,
        feed_forward: int,
        hidden: Sequence[int],
        dropout: float,
        by_fraction: bool = False,
        norm_first: bool = False,
        context: int = 0,
    ) -> None:
        super().__init__()
        self.members, self.by_fraction = members, by_fraction
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
        self.output = ResidualNetwork(members, d_model, hidden, outputs)
        #: Marks the element that is the working ion.
        self.ion = nn.Parameter(0.1 * torch.randn(members, 1, 1, d_model)) if context > 0 else None
        self.context = Dense(members, context, d_model) if context > 0 else None

    def averaged(
        self,
        token: torch.Tensor,
        fraction: torch.Tensor,
        part: torch.Tensor,
        is_ion: torch.Tensor | None = None,
        context: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Inputs of the output layer, averaged over the elements: (members x n x width), with full precision.

        Parameters
        ----------
        token, part : (n x elements) atomic number, 0 for padding; number of the formula that the element belongs to.
        fraction : (n x elements), or (members x n x elements) when members see different fractions.
        is_ion : (n x elements) whether the element is the working ion; only for a network with ``context``.
        context : (n x features of the whole electrode); only for a network with ``context``.
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
        if self.context is not None and self.ion is not None and is_ion is not None and context is not None:
            embedded = self.context(context.expand(self.members, *context.shape))
            x = x + is_ion[None, :, :, None] * self.ion + embedded[:, :, None]
        for layer in self.layers:
            x = layer(x, padding)
        if self.norm is not None:
            x = self.norm(x.flatten(1, 2)).reshape(x.shape)
        if self.by_fraction:
            x = x * fraction[..., None]
        members, n, tokens, width = x.shape
        x = self.output(x.reshape(members, n * tokens, width)).float().reshape(members, n, tokens, -1)
        # The output is linear, so averaging its input over the elements first gives the same result at lower cost.
        mean: torch.Tensor = x.masked_fill(padding[None, ..., None], 0.0).sum(2) / (~padding).sum(1)[None, :, None]
        return mean

    def output_columns(self, averaged: torch.Tensor, columns: slice) -> torch.Tensor:
        """Some outputs (members x n x columns), as a function that trains the output layer only."""
        last = self.output.fc_out
        bias, weight = last.get_parameter("bias"), last.get_parameter("weight")
        return torch.baddbmm(bias[..., columns], averaged.detach(), weight[..., columns])


class CrabNetwork(CompositionNetwork):
    """Mean and logarithm of the standard deviation of each target, in scaled units, by each member of an ensemble.

    Parameters
    ----------
    targets : number of targets. Each has three outputs: mean, logarithm of the standard deviation, gate of the mean.
    detach_std : whether the loss of the standard deviation trains the output layer only, not the layers below.
    gated : whether the mean is multiplied by a learned probability, which is meant for targets that are often zero.
    shape : further parameters of :class:`CompositionNetwork`.
    """

    def __init__(
        self,
        element_vectors: np.ndarray,
        *,
        targets: int,
        detach_std: bool = False,
        gated: bool = True,
        **shape: Any,
    ) -> None:
        super().__init__(element_vectors, outputs=3 * targets, **shape)
        self.targets, self.detach_std, self.gated = targets, detach_std, gated
        #: Width of each tensor that ``forward`` returns.
        self.widths = (targets, targets)

    def forward(
        self, token: torch.Tensor, fraction: torch.Tensor, part: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and logarithm of the standard deviation, each (members x n x targets).

        Parameters as for :meth:`CompositionNetwork.averaged`.
        """
        x = self.averaged(token, fraction, part)
        # bfloat16 has three digits: enough inside the network, but not for its output.
        with torch.autocast(x.device.type, enabled=False):
            mean, log_std, gate = self.output.fc_out(x).unflatten(2, (3, self.targets)).unbind(2)
            if self.detach_std and self.training:
                log_std = self.output_columns(x, slice(self.targets, 2 * self.targets))
        return mean * torch.sigmoid(gate) if self.gated else mean, log_std.clamp(*LOG_STD_RANGE)
