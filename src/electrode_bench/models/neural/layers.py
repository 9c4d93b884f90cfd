"""Layers of an ensemble: the first dimension of every tensor is the member.

The members of an ensemble are trained and applied together, because small networks spend most of their time on the
overhead of each operation, which is then paid once for all members.
"""

from __future__ import annotations

import math

import torch
from torch import nn


class Dense(nn.Module):
    """A linear layer for each member, from (members x n x inputs) to (members x n x outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        # X. Glorot and Y. Bengio (2010), AISTATS, equation 16.
        bound = math.sqrt(6.0 / (inputs + outputs))
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.bmm(x, self.weight) if self.bias is None else torch.baddbmm(self.bias, x, self.weight)


class LayerNorm(nn.Module):
    """Layer normalisation of (members x n x width), with a gain and an offset for each member."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class EncoderLayer(nn.Module):
    """An encoder layer of a transformer: attention, then a feed-forward part, each added to its input.

    The sums are normalised, as in the first transformers. With ``norm_first`` the inputs of both parts are normalised
    instead, which trains stably at higher learning rates: R. Xiong et al. (2020), arXiv:2002.04745.
    """

    def __init__(
        self, members: int, width: int, heads: int, feed_forward: int, *, dropout: float, norm_first: bool
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.norm_first = heads, dropout, norm_first
        self.query_key_value = Dense(members, width, 3 * width)
        self.out = Dense(members, width, width)
        self.norm1, self.norm2 = LayerNorm(members, width), LayerNorm(members, width)
        self.up, self.down = Dense(members, width, feed_forward), Dense(members, feed_forward, width)

    def forward(self, x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """Output of the shape of ``x`` (members x n x tokens x width); ``padding`` (n x tokens) marks padding."""
        members, n, tokens, width = x.shape
        flat = x.reshape(members, n * tokens, width)
        if self.norm_first:
            flat = flat + self._attended(self.norm1(flat), padding)
            out = flat + self._fed(self.norm2(flat))
        else:
            flat = self.norm1(flat + self._attended(flat, padding))
            out = self.norm2(flat + self._fed(flat))
        return torch.as_tensor(out).reshape(x.shape)

    def _attended(self, flat: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        (members, _, width), (n, tokens) = flat.shape, padding.shape
        split = self.query_key_value(flat).reshape(members, n, tokens, 3, self.heads, width // self.heads)
        # Each (members x n x heads x tokens x width / heads).
        query, key, value = split.permute(3, 0, 1, 4, 2, 5)
        score = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        weight = score.masked_fill(padding[None, :, None, None, :], -math.inf).softmax(dim=-1)
        mixed = self._dropped(weight) @ value
        return self._dropped(self.out(mixed.transpose(2, 3).reshape(flat.shape)))

    def _fed(self, flat: torch.Tensor) -> torch.Tensor:
        return self._dropped(self.down(self._dropped(nn.functional.relu(self.up(flat)))))

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, self.dropout, self.training) if self.dropout > 0 else x
