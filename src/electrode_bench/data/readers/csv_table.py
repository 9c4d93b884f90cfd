"""CSV files whose columns have the names of a layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from electrode_bench.core.schema import ID
from electrode_bench.data.readers.base import RAW_COLUMNS, Reject, Row, reject
from electrode_bench.data.readers.columns import Layout, matching, positions
from electrode_bench.errors import UserError


def match_csv(path: Path, layout: Layout) -> int:
    """How many columns of a layout a CSV file has; 0 for one that cannot be read."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    try:
        for fields in csv.reader(io.StringIO(text, newline="")):
            if any(field.strip() for field in fields):
                return matching(fields, layout)
    except csv.Error:
        pass
    return 0


def read_csv(
    path: Path, root: Path, layout: Layout, *, absent: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Row], list[Reject]]:
    """The rows and rejects of a CSV file.

    Parameters
    ----------
    absent : values of raw columns that the file may lack; None is the value of any other one.

    Raises
    ------
    UserError
        When the file is empty, is not UTF-8 or CSV, or lacks a column.
    """
    name = str(path.relative_to(root))
    rows: list[Row] = []
    rejects: list[Reject] = []
    header: Sequence[str] | None = None
    columns: dict[str, int] = {}
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    last = 0
    try:
        for fields in lines:
            line, last = last + 1, lines.line_num
            if not any(field.strip() for field in fields):
                continue
            if header is None:
                header = [field.strip() for field in fields]
                columns = positions(header, layout, path)
            elif len(fields) != len(header) or last > line:
                # A stray quotation mark swallows what follows up to the next one.
                reason = f"the row has {len(fields)} fields where the header has {len(header)}"
                if last > line:
                    reason = f"the row runs on to line {last}: an unclosed quotation mark"
                rejects.append(reject(name, line, fields[columns[ID]] if columns[ID] < len(fields) else "", reason))
            else:
                values = (_blank(fields[columns[c]]) if c in columns else absent.get(c) for c in RAW_COLUMNS)
                rows.append((name, line, *values))
    except csv.Error as error:
        raise UserError(f"{path}, line {lines.line_num}: not readable as CSV ({error}); export it again") from error
    if header is None:
        raise UserError(f"{path} is empty; export it again")
    if not rows and not rejects:
        raise UserError(f"{path} has a header but no rows; export it again")
    return rows, rejects


def _text(path: Path) -> str:
    content = path.read_bytes()
    if not content.strip():
        raise UserError(f"{path} is empty; export it again")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text; save the file as CSV in UTF-8") from error


def _blank(field: str) -> str | None:
    return field.strip() or None
