"""Lists of candidates on disk, read in chunks, so that a list of any length fits into memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.data.delimited.records import Unreadable
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates.columns import (
    FORMULA_COLUMNS,
    ION_COLUMN,
    formula_column,
    ion_column,
    output_names,
    require_formula_column,
)
from electrode_bench.inference.candidates.delimited import read_text
from electrode_bench.inference.candidates.rows import frames
from electrode_bench.inference.candidates.workbook import read_workbook

__all__ = ["CHUNK", "FORMULA_COLUMNS", "Unreadable", "as_candidates", "formula_column", "read_candidates"]

#: Formulas that are read and predicted at a time.
CHUNK = 5_000

#: What the first bytes of a file say about its kind, whatever its name is.
_PARQUET, _ZIP, _OLD_EXCEL, _GZIP = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"


def read_candidates(path: Path, *, chunk: int = CHUNK) -> Iterator[pd.DataFrame]:
    """The candidates of a file in chunks: line, formula, working_ion, and then all other columns of the file.

    A table (CSV, TSV, semicolons, Excel or parquet) has a column of formulas (see ``columns.FORMULA_COLUMNS``), and may
    have a column ``working_ion``. Any other text file has one formula per line. ``line`` is the physical line of a text
    file where the row begins, Excel's row number, or the row of a parquet file, from 1. Where a row cannot be read,
    :class:`Unreadable` stands in place of its formula.

    Raises
    ------
    UserError
        When the file is missing, cannot be read, or has no such column.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is missing; give a CSV, Excel or parquet file with a column 'formula', "
            "or a file with one formula per line"
        )
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        if start == _PARQUET or path.suffix.lower() in (".parquet", ".pq"):
            yield from _parquet(path, chunk)
            return
        if start == _OLD_EXCEL:
            raise UserError(f"{path} is an old Excel file; save it as .xlsx or as CSV")
        if start.startswith(_GZIP):
            raise UserError(f"{path} is compressed; unpack it first")
        table = read_workbook(path) if start == _ZIP else read_text(path)
        formula = table.names.index(require_formula_column(table.names, where=str(path)))
        ion = ion_column(table.names)
        position = None if ion is None else table.names.index(ion)
        yield from frames(table.rows, table.names, formula=formula, ion=position, chunk=chunk)
    except (csv.Error, ValueError, OSError) as error:
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise UserError(f"{path} cannot be read: {reason}") from error


def as_candidates(frame: pd.DataFrame, *, first_line: int, where: str) -> pd.DataFrame:
    """A table of candidates with the columns line, formula and working_ion (None where it is not given), then the rest.

    Parameters
    ----------
    first_line : number of the first row.
    where : names the table in error messages.

    Raises
    ------
    UserError
        When the table has no column of formulas.
    """
    names = list(frame.columns)
    formula, ion = require_formula_column(names, where=where), ion_column(names)
    others = [position for position, name in enumerate(names) if name not in (formula, ion)]
    columns: dict[str, Any] = {
        "line": range(first_line, first_line + len(frame)),
        "formula": frame[formula].to_numpy(dtype=object),
        ION_COLUMN: [None] * len(frame) if ion is None else frame[ion].to_numpy(dtype=object),
    }
    called = output_names([names[position] for position in others])
    for name, position in zip(called, others, strict=True):
        columns[name] = frame.iloc[:, position].to_numpy()
    return pd.DataFrame(columns)


def _parquet(path: Path, chunk: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa

    try:
        yield from _batches(path, chunk)
    except pa.ArrowException as error:
        raise ValueError(*error.args) from error


def _batches(path: Path, chunk: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    require_formula_column(schema.names, where=str(path))
    # Texts that are repeated are in memory once.
    texts = [
        field.name
        for field in schema
        if schema.names.count(field.name) == 1
        and (pa.types.is_string(field.type) or pa.types.is_large_string(field.type))
    ]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        line = 1
        for batch in file.iter_batches(batch_size=chunk):
            # The formulas may be the index of a table of pandas, which is a column like any other here.
            frame = batch.to_pandas(ignore_metadata=True)
            for name in texts:
                frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
            yield as_candidates(frame, first_line=line, where=str(path))
            line += batch.num_rows
