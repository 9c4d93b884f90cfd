"""Rows of a list of candidates, as all readers give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import pandas as pd

from electrode_bench.data.delimited.records import Row, Unreadable
from electrode_bench.inference.candidates.columns import ION_COLUMN, output_names


def frames(
    rows: Iterable[Row], names: Sequence[str], *, formula: int, ion: int | None, chunk: int
) -> Iterator[pd.DataFrame]:
    """The candidates in tables of ``chunk`` rows: line, formula, working_ion, then the user's other columns.

    Parameters
    ----------
    names : of the columns of the file.
    formula, ion : positions of the columns of formulas and working ions.
    """
    others = [position for position in range(len(names)) if position not in (formula, ion)]
    called = output_names([names[position] for position in others])
    remaining = iter(rows)
    while part := list(islice(remaining, chunk)):
        lines, formulas, ions = [], [], []
        columns: list[list[Any]] = [[] for _ in others]
        for row in part:
            fields = row.fields
            readable = not isinstance(fields, Unreadable)
            lines.append(row.line)
            formulas.append(fields[formula] if readable else fields)  # type: ignore[index]
            ions.append(fields[ion] if readable and ion is not None else None)  # type: ignore[index]
            for values, position in zip(columns, others, strict=True):
                values.append(fields[position] if readable else None)  # type: ignore[index]
        table = {
            "line": lines,
            "formula": pd.Series(formulas, dtype=object),
            ION_COLUMN: pd.Series(ions, dtype=object),
            **{name: pd.Series(values, dtype=object) for name, values in zip(called, columns, strict=True)},
        }
        yield pd.DataFrame(table)
