"""Candidates in Excel files."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from electrode_bench.data.delimited.records import Row
from electrode_bench.data.limits import check_ratio
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates.columns import formula_column, require_formula_column
from electrode_bench.inference.candidates.delimited import Table


def read_workbook(path: Path) -> Table:
    """The first sheet that has a column of formulas; its first row that is not blank is the header.

    Raises
    ------
    UserError
        When openpyxl is not installed, the file cannot be read, or no sheet has such a column.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise UserError(
            f"{path} is an Excel file, which needs openpyxl: pip install 'electrode-bench[excel]'; "
            "or save the sheet as CSV"
        ) from error
    _check_size(path)
    try:
        with warnings.catch_warnings():
            # openpyxl warns of what it leaves out, such as drop-down lists.
            warnings.simplefilter("ignore", UserWarning)
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises KeyError, BadZipFile, InvalidFileException and others
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise UserError(f"{path} cannot be read as an Excel file: {reason}") from error
    first: list[str] | None = None
    for sheet in workbook.worksheets:
        rows = _rows(sheet)
        header = next(rows, None)
        if header is None:
            continue
        names = ["" if value is None else str(value).strip() for value in header.fields]  # type: ignore[union-attr]
        first = names if first is None else first
        if formula_column(names) is not None:
            return _table(path, names, rows)
    if first is None:
        raise UserError(f"{path} is empty; give a column 'formula'")
    require_formula_column([name for name in first if name], where=f"the first sheet of {path}")
    raise AssertionError("no sheet has a column of formulas")


def _check_size(path: Path) -> None:
    """Refuse a workbook that is not what it seems before openpyxl unpacks it."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_ratio(sum(entry.file_size for entry in archive.infolist()), path)
            if "xl/workbook.xml" not in archive.namelist():
                raise UserError(f"{path} is a zip file but no Excel file; unpack it first")
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path} cannot be read as an Excel file: {error}") from error


def _table(path: Path, names: list[str], rows: Iterator[Row]) -> Table:
    while names and not names[-1]:
        names.pop()
    require_formula_column(names, where=str(path))
    width = len(names)

    def fitted() -> Iterator[Row]:
        for row in rows:
            fields = list(row.fields)[:width]  # type: ignore[arg-type]
            yield Row(row.line, [*fields, *[None] * (width - len(fields))])

    return Table(names, fitted())


def _rows(sheet: Any) -> Iterator[Row]:
    """The rows of a sheet that are not blank, numbered as Excel does."""
    for number, values in enumerate(chain(sheet.iter_rows(values_only=True)), start=1):
        if any(value is not None and str(value).strip() for value in values):
            yield Row(number, values)
