"""Which character separates the fields of a table, found from its header."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence

#: Delimiters, in the order in which they are tried.
DELIMITERS = (",", ";", "\t", "|")

#: Excel's own mark of the delimiter, which stands in the first line.
_STATED = re.compile(r'"?sep=(.)"?', flags=re.IGNORECASE)


def first_line(
    numbered: Iterator[tuple[int, str]], is_header: Callable[[Sequence[str]], int], *, preferred: str | None = None
) -> tuple[tuple[int, str] | None, str | None]:
    """The first line that is not blank, a comment or Excel's ``sep=``, and the delimiter if it is a table's header.

    Parameters
    ----------
    is_header : how many columns that a table must have are among these fields; 0 if it is no header.
    preferred : the delimiter that is tried first.
    """
    stated = None
    for number, line in numbered:
        text = line.strip().strip("\ufeff")
        if match := _STATED.fullmatch(text):
            stated = match[1]
            continue
        delimiters = dict.fromkeys(d for d in (stated, preferred, *DELIMITERS) if d)
        fields = {d: _split(line, d) for d in delimiters}
        found = {d: is_header(fields[d]) for d in delimiters}
        if any(found.values()):
            return (number, line), max(delimiters, key=lambda d: (found[d], len(fields[d])))
        if text and not text.startswith("#"):
            return (number, line), None
    return None, None


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # with the wrong delimiter, a long header is one field that is too long
        return []
