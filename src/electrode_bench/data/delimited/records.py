"""The rows of delimited text. A row that is not well formed costs that row only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: A row with more lines than this has a quotation mark that was never closed. A structure in a cell has a line for
#: each of its atoms.
_MOST_LINES = 1000

#: Rows with an open quotation mark after which the rest of a file is given up: each costs as much as many rows.
_MOST_UNCLOSED = 1000


@dataclass(frozen=True)
class Unreadable:
    """Stands in place of a formula where the row itself cannot be read."""

    #: The beginning of the row.
    text: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A row of a file.

    Attributes
    ----------
    line : where the row begins: the physical line of a text file, or the row of a sheet or table, from 1.
    fields : the values of the row, one for each column.
    """

    line: int
    fields: Sequence[Any] | Unreadable


def records(
    numbered: Iterator[tuple[int, str]],
    delimiter: str,
    *,
    suspicious: Callable[[Sequence[str], Sequence[str]], bool] | None = None,
) -> Iterator[Row]:
    """The rows of delimited text that are not blank. Quoted fields may hold line breaks.

    A row that is not well formed is given up after its first line. The next row begins at the second line.

    Parameters
    ----------
    numbered : the lines of the text with their numbers.
    suspicious : called with the fields and the lines of a row of several lines; whether its quotation mark was
        probably left open, so that the row swallowed others.
    """
    again: deque[tuple[int, str]] = deque()
    taken: list[tuple[int, str]] = []
    unclosed_rows = 0

    def feed() -> Iterator[str]:
        while len(taken) < _MOST_LINES:
            entry = again.popleft() if again else next(numbered, None)
            if entry is None:
                return
            taken.append(entry)
            yield entry[1]

    while True:
        taken.clear()
        reason, fields = "", None
        # A reader of its own for each row: after an error or the end of the input, a reader cannot go on.
        try:
            fields = next(csv.reader(feed(), delimiter=delimiter, strict=True), None)
        except csv.Error as error:
            reason = _reason(str(error), len(taken))
        if fields is not None and suspicious and len(taken) > 1 and suspicious(fields, [line for _, line in taken]):
            reason = _UNCLOSED
        if reason:
            number, line = taken[0]
            again.extendleft(reversed(taken[1:]))
            yield Row(number, Unreadable(line.strip()[:80], reason))
            unclosed_rows += reason == _UNCLOSED
            if unclosed_rows > _MOST_UNCLOSED:
                following = again[0][0] if again else number
                left_out = f"the file has too many open quotation marks; nothing from line {following} on was read"
                yield Row(following, Unreadable("", left_out))
                return
            continue
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield Row(taken[0][0], fields)


_UNCLOSED = "a quotation mark is not closed"


def _reason(error: str, lines: int) -> str:
    if "field limit" in error and lines == 1:
        return f"a field is longer than {csv.field_size_limit():,} characters; leave that column out of the export"
    if "unexpected end" in error or "field limit" in error:
        return _UNCLOSED
    return f"the row is not well formed ({error})"
