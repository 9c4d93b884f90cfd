"""Electrodes as the tokens that CrabNet with physics reads: elements, the working ion among them, and features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from electrode_bench.models.crabnet.tokens import ElementColumns, Tokens

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ElectrodeTokens(Tokens):
    """Compositions as tokens, with the working ion and features of the whole electrode.

    Attributes
    ----------
    ion : (n,) atomic number of the working ion.
    context : (n x features) scaled features.
    """

    ion: np.ndarray
    context: np.ndarray

    @classmethod
    def joined(cls, fractions: np.ndarray, columns: ElementColumns, ion: np.ndarray, context: np.ndarray) -> Self:
        """From fractions (n x columns of elements), working ions (n,) and features (n x features)."""
        tokens = Tokens.of(fractions, columns)
        return cls(
            tokens.token,
            tokens.fraction,
            tokens.part,
            tokens.length,
            ion.astype(np.int64),
            context.astype(np.float32),
        )

    def batch(self, positions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Token, fraction and part at some positions, whether each token is the ion, and the features."""
        import torch

        token, fraction, part = super().batch(positions, device)
        is_ion = token == torch.as_tensor(self.ion[positions], device=device)[:, None]
        return token, fraction, part, is_ion, torch.as_tensor(self.context[positions], device=device)


def ion_columns(features: Sequence[str], symbols: Sequence[str]) -> dict[int, int]:
    """Position of the column that says "the working ion is this element", by atomic number.

    ``features`` are names such as ``redox: ion Li``; ``symbols`` are all elements by atomic number.
    """
    number = {symbol: i + 1 for i, symbol in enumerate(symbols)}
    found = {}
    for position, name in enumerate(features):
        before, _, symbol = name.rpartition(" ")
        if before.endswith(": ion") and symbol in number:
            found[number[symbol]] = position
    return found
