"""CrabNet's network: element tokens with fractional encodings through a transformer, averaged over elements.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. Widths are parameters, and one network predicts any number of targets; with the
study's widths and one target it computes what the crabnet package 2.0.8 computes (benchmarks/parity).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

#: Steps in which a fraction is encoded.
RESOLUTION = 5000
#: Base of the wavelengths of the encoding.
_WAVELENGTH = 50.0
#: Smallest and largest logarithm of a scaled spread.
_SPREAD_RANGE = (-6.0, 6.0)


def fraction_encoding(width: int) -> torch.Tensor:
    """Sines and cosines, by turns, of the steps 0..4999 at ``width`` wavelengths: 5000 x width."""
    step = torch.arange(RESOLUTION, dtype=torch.float32)[:, None]
    column = torch.arange(width, dtype=torch.float32)[None, :]
    angle = step / torch.pow(torch.tensor(_WAVELENGTH), 2 * column / width)
    return torch.where(torch.arange(width)[None, :] % 2 == 0, torch.sin(angle), torch.cos(angle))


def encoding_step(fraction: torch.Tensor, *, logarithmic: bool) -> torch.Tensor:
    """The step (0..4999) that stands for a fraction: linear, or 0.0025 log2(x)^2, which spreads out traces."""
    value = fraction
    if logarithmic:
        value = (0.0025 * torch.log2(fraction) ** 2).clamp(max=1.0)
    return torch.round(value.clamp(min=1.0 / RESOLUTION) * RESOLUTION).long() - 1


class ResidualNetwork(nn.Module):
    """Linear layers with leaky ReLU, each beside a linear shortcut, up to the linear output ``fc_out``."""

    def __init__(self, width: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        widths = [width, *hidden]
        pairs = list(itertools.pairwise(widths))
        self.fcs = nn.ModuleList(nn.Linear(a, b) for a, b in pairs)
        self.res_fcs = nn.ModuleList(nn.Linear(a, b, bias=False) if a != b else nn.Identity() for a, b in pairs)
        self.fc_out = nn.Linear(widths[-1], outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, shortcut in zip(self.fcs, self.res_fcs, strict=True):
            x = nn.functional.leaky_relu(layer(x)) + shortcut(x)
        return x


class CrabNetwork(nn.Module):
    """Mean and logarithm of the spread of each target, both without unit.

    Parameters
    ----------
    element_vectors : (n_tokens, 200): row 0, all zero, is the padding.
    parts : how many formulas describe an electrode; with more than one, a learned vector marks the part.
    targets : number of targets. Each has three outputs: mean, logarithm of the spread, and a gate on the mean.
    spread_apart : whether the spread's loss leaves the layers below the output as they are.
    """

    def __init__(
        self,
        element_vectors: np.ndarray,
        *,
        targets: int,
        parts: int = 1,
        d_model: int,
        layers: int,
        heads: int,
        feed_forward: int,
        hidden: Sequence[int],
        dropout: float,
        spread_apart: bool = False,
    ) -> None:
        super().__init__()
        self.targets = targets
        self.spread_apart = spread_apart
        self.register_buffer("element_vectors", torch.as_tensor(element_vectors, dtype=torch.float32), persistent=False)
        self.register_buffer("encoding", fraction_encoding(d_model // 2), persistent=False)
        self.embed = nn.Linear(element_vectors.shape[1], d_model)
        self.part = nn.Embedding(parts, d_model) if parts > 1 else None
        self.emb_scaler = nn.Parameter(torch.ones(1))
        self.pos_scaler = nn.Parameter(torch.ones(1))
        self.pos_scaler_log = nn.Parameter(torch.ones(1))
        layer = nn.TransformerEncoderLayer(d_model, heads, feed_forward, dropout, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.output = ResidualNetwork(d_model, hidden, 3 * targets)

    def forward(
        self, token: torch.Tensor, fraction: torch.Tensor, part: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Two tensors (n x targets) from tokens, fractions and parts (each n x elements; token 0 is padding)."""
        encoding, vectors = self.get_buffer("encoding"), self.get_buffer("element_vectors")
        padding = token == 0
        x = self.embed(vectors[token]) * self.emb_scaler
        linear = encoding[encoding_step(fraction, logarithmic=False)] * self.pos_scaler
        logarithmic = encoding[encoding_step(fraction, logarithmic=True)] * self.pos_scaler_log
        x = x + torch.cat([linear, logarithmic], dim=-1)
        if self.part is not None:
            x = x + self.part(part)
        x = self.transformer(x, src_key_padding_mask=padding)
        x = self.output(x).float().masked_fill(padding[..., None], 0.0)
        # The output is linear: averaging its input over the elements first gives the same for less.
        x = x.sum(1) / (~padding).sum(1, keepdim=True)
        # bfloat16 has three digits: enough inside, not for what comes out.
        with torch.autocast(x.device.type, enabled=False):
            mean, spread, gate = self.output.fc_out(x).unflatten(1, (3, self.targets)).unbind(1)
            if self.spread_apart and self.training:
                rows, last = slice(self.targets, 2 * self.targets), self.output.fc_out
                spread = nn.functional.linear(x.detach(), last.weight[rows], last.bias[rows])
        return mean * torch.sigmoid(gate), spread.clamp(*_SPREAD_RANGE)
