"""Compositions as the tokens that CrabNet's network reads: one for each element, with its fraction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from electrode_bench.features.composition import element_table
from electrode_bench.models.base import check_columns

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ElementColumns:
    """What the columns of a frame stand for.

    Attributes
    ----------
    columns : the names of the columns.
    numbers : the atomic number of each column's element.
    parts : for each column, the number of its formula, where several formulas describe an electrode.
    """

    columns: tuple[str, ...]
    numbers: tuple[int, ...]
    parts: tuple[int, ...]

    @classmethod
    def of(cls, columns: Iterable[str]) -> Self:
        """From names such as ``Fe``, or ``formula_charge: Fe`` where several formulas describe an electrode.

        Raises
        ------
        ValueError
            When a column's name does not end in the symbol of an element.
        """
        number = {symbol: i + 1 for i, symbol in enumerate(element_table("mat2vec").index)}
        columns = [str(c) for c in columns]
        prefixes = list(dict.fromkeys(c.rpartition(": ")[0] for c in columns))
        symbols = [c.rpartition(": ")[2] for c in columns]
        if unknown := [c for c, symbol in zip(columns, symbols, strict=True) if symbol not in number]:
            raise ValueError(f"CrabNet reads the feature set 'elements'; '{unknown[0]}' is not an element's column")
        return cls(
            columns=tuple(columns),
            numbers=tuple(number[symbol] for symbol in symbols),
            parts=tuple(prefixes.index(c.rpartition(": ")[0]) for c in columns),
        )

    @property
    def n_parts(self) -> int:
        """How many formulas describe an electrode."""
        return max(self.parts, default=0) + 1

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """The fractions of a frame (n x columns).

        Raises
        ------
        ValueError
            When the frame has other columns, or a value that is negative or not finite.
        """
        check_columns(frame, self.columns)
        values = frame.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("features and targets must be finite, and fractions not negative")
        return values


@dataclass(frozen=True)
class Tokens:
    """Compositions as element tokens, the most abundant element first; 0 is padding.

    Attributes
    ----------
    token : (n x largest number of elements) atomic numbers.
    fraction : (the same shape) the element's share of the atoms of its formula.
    part : (the same shape) the number of the element's formula, where several formulas describe an electrode.
    length : (n,) the number of tokens.
    """

    token: np.ndarray
    fraction: np.ndarray
    part: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, columns: ElementColumns) -> Self:
        """From fractions (n x columns of the feature set `elements`)."""
        order = np.argsort(-values, axis=1, kind="stable")
        length = (values > 0).sum(axis=1)
        order = order[:, : max(int(length.max(initial=1)), 1)]
        fraction = np.take_along_axis(values, order, axis=1)
        absent = fraction <= 0
        token = np.where(absent, 0, np.array(columns.numbers)[order])
        part = np.where(absent, 0, np.array(columns.parts)[order])
        return cls(token, np.where(absent, 0.0, fraction).astype(np.float32), part, length)

    def __len__(self) -> int:
        return len(self.length)

    def batch(self, positions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Token, fraction and part at some positions, padded to the longest composition among them."""
        import torch

        width = int(self.length[positions].max())
        arrays = (self.token, self.fraction, self.part)
        return tuple(torch.as_tensor(a[positions, :width], device=device) for a in arrays)


@dataclass(frozen=True)
class Compositions:
    """Distinct compositions with the targets of all rows that have them.

    Composition i has the rows ``targets[starts[i] : starts[i + 1]]``.

    Attributes
    ----------
    tokens : of the distinct compositions.
    targets : (rows x targets) scaled, grouped by composition.
    starts : (compositions + 1,) position of each composition's first row.
    """

    tokens: Tokens
    targets: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, targets: np.ndarray, tokens_of: Callable[[np.ndarray], Tokens]) -> Self:
        """From what tokens are made of (rows x any number) and scaled targets (rows x targets)."""
        distinct, owner = np.unique(values, axis=0, return_inverse=True)
        owner = owner.ravel()
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(len(distinct) + 1))
        return cls(tokens_of(distinct), targets[order], starts)

    def rows_of(self, positions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets of all rows of some compositions, and for each row the index of its composition in ``positions``."""
        import torch

        count = self.starts[positions + 1] - self.starts[positions]
        owner = np.repeat(np.arange(len(positions)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        targets = self.targets[self.starts[positions][owner] + within]
        return torch.as_tensor(targets, device=device), torch.as_tensor(owner, device=device)
