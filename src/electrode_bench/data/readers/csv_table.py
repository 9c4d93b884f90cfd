"""CSV files whose columns have the names of a layout, whatever program wrote them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from electrode_bench.core.schema import ID
from electrode_bench.data.delimited.dialect import first_line
from electrode_bench.data.delimited.records import Row as TextRow
from electrode_bench.data.delimited.records import Unreadable, records
from electrode_bench.data.delimited.text import WESTERN, encoding, lines
from electrode_bench.data.limits import check_lines, check_rows
from electrode_bench.data.readers.base import RAW_COLUMNS, Contents, Reject, Row, reject
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER, Layout, locate, matching
from electrode_bench.data.readers.csv_shape import fitted, header_is_short, points, unit_row
from electrode_bench.errors import UserError

#: Rows that decide whether a header is one column short.
_SAMPLE = 50

#: How files of other kinds begin.
_OTHER_KINDS = (
    (b"\x1f\x8b", "a gzip file; unpack it"),
    (b"BZh", "a bzip2 file; unpack it"),
    (b"PK\x03\x04", "an Excel or zip file; save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file; save the sheet as CSV"),
    (b"PAR1", "parquet; let its name end in .parquet"),
)


def match_csv(path: Path, layout: Layout) -> int:
    """How many columns of a layout a CSV file has; 0 for one that cannot be read."""
    try:
        header = next(_Text(path).rows, None)
    except (UserError, OSError):
        return 0
    return 0 if header is None or isinstance(header.fields, Unreadable) else matching(header.fields, layout)


def read_csv(path: Path, root: Path, layout: Layout) -> Contents:
    """What a CSV file contains.

    Fields may be separated by commas, semicolons, tabs or bars, and quoted fields may hold line breaks. Where commas do
    not separate fields, numbers may have decimal commas. The first row may hold units.

    Raises
    ------
    UserError
        When the file is empty, is not text or CSV, lacks a column, or has one in a unit that cannot be converted.
    """
    text = _Text(path)
    header = next(text.rows, None)
    if header is None:
        raise UserError(f"{path} is empty; export it again")
    if isinstance(header.fields, Unreadable):
        raise UserError(f"{path}, line {header.line}: the header is not readable: {header.fields.reason}")
    names = [str(field).strip() for field in header.fields]
    while names and not names[-1]:
        names.pop()  # the header ends in a delimiter
    columns = locate(names, layout, path)
    text.width = len(names)
    sample = list(islice(text.rows, _SAMPLE))
    if header_is_short(sample, len(names), columns):
        names.insert(0, "")
        columns = locate(names, layout, path)
    units = unit_row(sample[0], columns, path) if sample else None
    name = str(path.relative_to(root))
    found: list[Row] = []
    rejects: list[Reject] = []
    for row in chain(sample if units is None else sample[1:], text.rows):
        fields = fitted(row, len(names))
        if isinstance(fields, Unreadable):
            rejects.append(reject(name, row.line, _id(row, columns.positions[ID]), fields.reason))
        else:
            values = (_blank(fields[columns.positions[c]]) if c in columns.positions else None for c in RAW_COLUMNS)
            found.append((name, row.line, *values))
        check_rows(len(found) + len(rejects), path)
    if not found and not rejects:
        raise UserError(f"{path} has a header but no rows; export it again")
    if text.delimiter != ",":
        found, mixed = points(found)
        rejects += mixed
    return Contents(found, rejects, {**columns.conversions, **(units or {})})


class _Text:
    """The rows of a file with its header, as text.

    Attributes
    ----------
    rows : an iterator; the first one is the header.
    delimiter : what separates the fields.
    width : number of columns, once they are known: then a row that has swallowed others is recognised.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            start = stream.read(4096)
        if not start.strip():
            raise UserError(f"{path} is empty; export it again")
        for magic, kind in _OTHER_KINDS:
            if start.startswith(magic):
                raise UserError(f"{path} is not CSV but {kind}")
        coding = encoding(path)
        if coding == WESTERN:
            raise UserError(f"{path}, line {_first_bad_line(path)}: not UTF-8 text; save the file as CSV in UTF-8")
        numbered = _numbered(path, coding)
        first, delimiter = first_line(numbered, _layout_columns)
        if first is None:
            raise UserError(f"{path} is empty; export it again")
        # Without a known column, the most frequent character serves the message about what is missing.
        self.delimiter = delimiter or max(",", ";", "\t", key=first[1].count)
        self.width: int | None = None
        self.rows: Iterator[TextRow] = records(chain([first], numbered), self.delimiter, suspicious=self._swallows)

    def _swallows(self, fields: Sequence[str], taken: Sequence[str]) -> bool:
        """Whether a row of several lines has an open quotation mark: one of its lines alone would be a row."""
        if self.width is None:
            return False
        if not self.width <= len(fields) <= self.width + 1:
            return True
        alone = (line for line in taken[1:] if line.count(self.delimiter) >= self.width - 1)
        return any(
            len(next(csv.reader([line], delimiter=self.delimiter), [])) in (self.width, self.width + 1)
            for line in alone
        )


def _numbered(path: Path, coding: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines(path, coding), start=1):
        check_lines(number, path)
        yield number, line


def _layout_columns(fields: Sequence[str]) -> int:
    return max(matching(fields, layout) for layout in (EXPLORER, DOCUMENT))


def _first_bad_line(path: Path) -> int:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _id(row: TextRow, position: int) -> str:
    """The battery id of a row that cannot be used."""
    if isinstance(row.fields, Unreadable):
        begin = next(csv.reader([row.fields.text]), [""])
        return str(begin[position]) if position < len(begin) else ""
    return str(row.fields[position]) if position < len(row.fields) else ""


def _blank(field: str) -> str | None:
    return field.strip() or None
