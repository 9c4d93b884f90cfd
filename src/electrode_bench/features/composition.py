"""Compositions as a matrix of amounts, elemental tables, and sums over the matrix.

Sums run over the elements in alphabetical order, with plain additions and products. Matrix products are not used: their
last bits depend on the BLAS, the processor and the number of rows, but a formula must have the same features whichever
others are computed with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files

import numpy as np
import pandas as pd

from electrode_bench.data import chemistry
from electrode_bench.errors import UserError


def amounts(formulas: Sequence[str]) -> pd.DataFrame:
    """The amount of each element in each formula, in atoms per formula as written.

    Returns
    -------
    DataFrame (n_formulas x n_elements), 0 where an element is absent. The columns are the symbols of the elements that
    occur, in alphabetical order; the index is the formulas.

    Raises
    ------
    UserError
        When a formula cannot be read; the message says which one and why.
    """
    parsed = []
    for formula in formulas:
        try:
            parsed.append(chemistry.parse(formula))
        except ValueError as error:
            raise UserError(f"{error}; correct it in the snapshot") from error
    elements = sorted({e for composition in parsed for e in composition})
    column = {e: j for j, e in enumerate(elements)}
    matrix = np.zeros((len(parsed), len(elements)))
    for i, composition in enumerate(parsed):
        for element, amount in composition.items():
            matrix[i, column[element]] = amount
    return pd.DataFrame(matrix, index=pd.Index(list(formulas), name="formula", dtype=object), columns=elements)


def require_elements(matrix: pd.DataFrame, known: pd.Index, *, feature_set: str) -> None:
    """Raise a UserError for the first element of ``matrix`` (as :func:`amounts` makes it) not in ``known``."""
    for element in matrix.columns:
        if element not in known:
            formula = matrix.index[matrix[element] > 0][0]
            raise UserError(
                f"the element {element} of '{formula}' is not in the table of the feature set {feature_set}; "
                "choose another feature set, or leave this electrode out of the snapshot"
            )


def elementwise(matrix: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each element with the positions of the rows that have it, and its amounts there."""
    values = matrix.to_numpy()
    for j, element in enumerate(matrix.columns):
        rows = np.flatnonzero(values[:, j])
        yield str(element), rows, values[rows, j]


def totals(matrix: pd.DataFrame) -> np.ndarray:
    """Atoms per formula, shape (n_formulas,)."""
    total = np.zeros(len(matrix))
    for _, rows, amount in elementwise(matrix):
        total[rows] += amount
    return total


def weighted_mean(matrix: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Mean of the elements' rows in ``table`` (elements x properties), weighted by amount.

    Returns an array (n_formulas x n_properties).
    """
    out = np.zeros((len(matrix), table.shape[1]))
    for element, rows, amount in elementwise(matrix):
        out[rows] += amount[:, None] * table.loc[element].to_numpy()
    return np.asarray(out / totals(matrix)[:, None])


def table_means(formulas: Sequence[str], table: pd.DataFrame, *, feature_set: str, prefix: str) -> pd.DataFrame:
    """A feature set of weighted means: n_formulas x n_properties, each column named "<prefix> <property>".

    Raises
    ------
    UserError
        When a formula has an element that ``table`` lacks.
    """
    matrix = amounts(formulas)
    require_elements(matrix, table.index, feature_set=feature_set)
    columns = [f"{prefix} {column}" for column in table.columns]
    return pd.DataFrame(weighted_mean(matrix, table), index=matrix.index, columns=columns)


@functools.cache
def element_table(name: str) -> pd.DataFrame:
    """An elemental table of the ElementEmbeddings package: one row for each element, one column for each property.

    ElementEmbeddings (MIT licence) is described in A. Onwuli et al., Digital Discovery 2, 1558 (2023),
    doi:10.1039/D3DD00121K.
    """
    # The package itself is not imported: that would load its plotting libraries.
    with as_file(files("elementembeddings") / "data" / "element_representations" / f"{name}.csv") as path:
        # No text in these tables means "missing".
        return pd.read_csv(path, index_col="element", keep_default_na=False).astype(np.float64)
