"""Tables in text files (CSV, TSV, semicolons), and lists with one formula per line.

Files come from many programs: Excel adds empty fields and blank rows, R writes headers that are one column short,
and quoted fields may hold line breaks. Each row keeps the number of the line where it begins.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from electrode_bench.data import chemistry
from electrode_bench.data.delimited.decimals import with_point
from electrode_bench.data.delimited.dialect import first_line
from electrode_bench.data.delimited.records import Row, Unreadable, records
from electrode_bench.data.delimited.text import encoding, lines
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates.columns import formula_column, require_formula_column

#: Suffixes of tables, with the delimiter that is tried first.
SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}

#: How JSON begins, and no formula does.
_JSON = re.compile(r"""[\[{]\s*["'\[{]|[\[{]$""")

#: Rows that decide whether a header is one column short.
_SAMPLE = 50


@dataclass(frozen=True)
class Table:
    """A table in a text file: the names of its columns and its rows, each with as many fields."""

    names: list[str]
    rows: Iterator[Row]


def read_text(path: Path) -> Table:
    """A text file as a table.

    A file whose first line names a column of formulas is a table. Any other file with the suffix of a table is an
    error, unless its first line is a formula. What remains is a list with one formula per line; there, a line or the
    end of a line that begins with ``#`` is a comment. Blank lines do not count as candidates.

    Raises
    ------
    UserError
        When the file is not text, is empty, or is a table without a column of formulas.
    """
    numbered = enumerate(lines(path, encoding(path)), start=1)
    suffix = path.suffix.lower()
    first, delimiter = first_line(numbered, _is_header, preferred=SUFFIXES.get(suffix))
    if first is None:
        raise UserError(f"{path} is empty; give a column 'formula', or one formula per line")
    if _JSON.match(first[1].strip("\ufeff \t\r\n")):
        raise UserError(f"{path} is JSON; give a CSV, Excel or parquet file, or one formula per line")
    remaining = chain([first], numbered)
    if delimiter is not None:
        return _table(path, remaining, delimiter)
    if suffix in SUFFIXES and not _readable(first[1].strip().rstrip(",;\t").strip('"')):
        fields = next(csv.reader([first[1]], delimiter=SUFFIXES[suffix]))
        require_formula_column([field.strip() for field in fields], where=str(path))
    return Table(["formula"], _list(remaining))


def _is_header(fields: Sequence[str]) -> int:
    return formula_column(fields) is not None


def _list(numbered: Iterable[tuple[int, str]]) -> Iterator[Row]:
    for number, line in numbered:
        text = line.partition("#")[0].strip().strip('"').rstrip(",;\t ")
        if text:
            yield Row(number, [text])


def _table(path: Path, numbered: Iterator[tuple[int, str]], delimiter: str) -> Table:
    rows = records(numbered, delimiter)
    header = next(rows).fields
    if isinstance(header, Unreadable):
        raise UserError(f"{path}: the header cannot be read: {header.reason}")
    names = [field.strip() for field in header]
    while names and not names[-1]:
        names.pop()  # the header ends in a delimiter, too
    column = names.index(require_formula_column(names, where=str(path)))
    sample = list(islice(rows, _SAMPLE))
    if _header_is_short(sample, len(names), column):
        names = ["", *names]
    fitted = _fitted(chain(sample, rows), len(names))
    return Table(names, _with_points(fitted) if delimiter == ";" else fitted)


def _header_is_short(sample: Sequence[Row], width: int, column: int) -> bool:
    """Whether each row begins with a name that the header does not count, as R's ``write.table`` has it.

    Rows that end in a delimiter are as long. Where the formulas are decides, and if that is not clear, whether the last
    field is ever filled.
    """
    longer = [row.fields for row in sample if not isinstance(row.fields, Unreadable) and len(row.fields) == width + 1]
    if len(longer) < len(sample) / 2 or not longer:
        return False
    unshifted, shifted = (sum(_readable(fields[column + k]) for fields in longer) for k in (0, 1))
    if unshifted != shifted:
        return shifted > unshifted
    return any(fields[-1].strip() for fields in longer)


def _readable(text: str) -> bool:
    try:
        chemistry.parse(text)
    except chemistry.FormulaError:
        return False
    return True


def _fitted(records: Iterable[Row], width: int) -> Iterator[Row]:
    """The same rows with ``width`` fields each: missing fields are empty, empty ones beyond the header are left out."""
    for row in records:
        fields = row.fields
        if isinstance(fields, Unreadable):
            yield row
            continue
        if any(field.strip() for field in fields[width:]):
            reason = f"the row has {len(fields)} fields where the header has {width}"
            yield Row(row.line, Unreadable(",".join(fields)[:80], reason))
            continue
        yield Row(row.line, [*fields[:width], *[""] * (width - len(fields))])


def _with_points(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows with points in place of decimal commas, in numbers and in formulas (LiNi0,5Mn1,5O4)."""
    for row in rows:
        if isinstance(row.fields, Unreadable):
            yield row
        else:
            yield Row(row.line, [with_point(field) for field in row.fields])
