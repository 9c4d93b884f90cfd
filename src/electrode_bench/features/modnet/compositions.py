"""The formulas of one call, as the descriptors read them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.modnet.tables import elements

#: What a descriptor returns: values (n_formulas,) by label.
Block = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Compositions:
    """The elements and pairs of elements of every formula, in flat lists.

    Attributes
    ----------
    matrix : as :func:`~electrode_bench.features.composition.amounts` makes it.
    rows, at, x : for every element of every formula, the formula's position, the element's position in
        :class:`~electrode_bench.features.modnet.tables.Elements`, and its atomic fraction.
    pair_rows, a, b : for every pair of elements of every formula, the formula's position, and the positions of the two
        elements in the list above.
    """

    matrix: pd.DataFrame
    rows: np.ndarray
    at: np.ndarray
    x: np.ndarray
    pair_rows: np.ndarray
    a: np.ndarray
    b: np.ndarray

    @classmethod
    def of(cls, matrix: pd.DataFrame) -> Compositions:
        position = {symbol: i for i, symbol in enumerate(elements().symbols)}
        rows, columns = np.nonzero(matrix.to_numpy())
        at = np.array([position[e] for e in matrix.columns], dtype=np.int64)[columns]
        x = matrix.to_numpy()[rows, columns] / composition.totals(matrix)[rows]
        pairs: list[tuple[int, int]] = []
        start = 0
        for count in np.bincount(rows, minlength=len(matrix)).tolist():
            pairs += itertools.combinations(range(start, start + count), 2)
            start += count
        a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return cls(matrix, rows, at, x, rows[a], a, b)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over a formula's elements, one after another, shape (n_formulas,)."""
        return np.bincount(self.rows, weights=values, minlength=len(self.matrix))

    def pair_sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over a formula's pairs of elements, one after another, shape (n_formulas,)."""
        return np.bincount(self.pair_rows, weights=values, minlength=len(self.matrix))

    @property
    def counts(self) -> np.ndarray:
        """Elements per formula."""
        return np.bincount(self.rows, minlength=len(self.matrix))
