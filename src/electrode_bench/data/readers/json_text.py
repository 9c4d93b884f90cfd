"""JSON documents in a file, however a program puts them there.

One object on each line, an array of objects (on one line or many), an array on each line, or the answer of a REST
service, which is an object with the array under ``data``.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from electrode_bench.data.limits import LONGEST_LINE, MOST_BYTES, check_lines, too_large, unpacked
from electrode_bench.errors import UserError

#: Whole numbers with more digits are read as floats: no quantity needs them, and reading them takes long.
_MOST_DIGITS = 300

#: Names under which answers of services have their documents.
_ANSWERS = ("data", "response", "results", "docs")

_BLANK = re.compile(r"[ \t\r\n]*")
_SEPARATOR = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the field '{twice}' occurs twice")
    return found


_DECODER = json.JSONDecoder(parse_int=_whole, object_pairs_hook=_object)


@dataclass(frozen=True)
class Damaged:
    """Stands in place of a document that cannot be used."""

    reason: str


def documents(path: Path) -> Iterator[tuple[int, dict[str, Any] | Damaged]]:
    """The documents of a plain or gzipped file, with the lines where they begin.

    Raises
    ------
    UserError
        When the file is empty, damaged or too large, or is a single JSON value without documents.
    """
    with unpacked(path) as stream:
        start = _first_line(stream, path)
        if _is_wide(start) or _spans_lines(start):
            yield from _of_whole(_decoded(start + _rest(stream, path, len(start)), path), path)
            return
        number, content = 1, start
        while content:
            check_lines(number, path)
            yield from _of_line(content, number)
            number, content = number + 1, _line(stream, number + 1, path)


def _first_line(stream: IO[bytes], path: Path) -> bytes:
    return _line(stream, 1, path)


def _line(stream: IO[bytes], number: int, path: Path) -> bytes:
    # A line without an end may be a whole array.
    content = stream.readline(MOST_BYTES + 1 if number == 1 else LONGEST_LINE + 1)
    if len(content) > (MOST_BYTES if number == 1 else LONGEST_LINE):
        raise UserError(f"{path}, line {number} is too long; write one document on each line")
    return content


def _rest(stream: IO[bytes], path: Path, read: int) -> bytes:
    content = stream.read(MOST_BYTES + 1 - read)
    if read + len(content) > MOST_BYTES:
        raise too_large(path, instead="save it as JSON lines, one document on each line (.jsonl)")
    return content


def _is_wide(start: bytes) -> bool:
    """Whether the text is UTF-16 or UTF-32, whose lines end in more than one byte."""
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start[:4]


def _spans_lines(start: bytes) -> bool:
    """Whether the first line is only the beginning of an array or object."""
    text = start.removeprefix(codecs.BOM_UTF8).strip()
    if not text.startswith((b"[", b"{")):
        return False
    if len(text) <= 2:  # a bracket alone
        return text in (b"[", b"{", b"[{")
    try:
        _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        # Not where the line is damaged: then the error is before its end.
        return isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
    return False


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text; save the file as JSON in UTF-8") from error


def _of_line(content: bytes, number: int) -> Iterator[tuple[int, dict[str, Any] | Damaged]]:
    if not content.strip():
        return
    try:
        value = _DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except (ValueError, RecursionError) as error:
        yield number, Damaged(f"the line is not valid JSON ({_short(error)})")
        return
    for document in _unwrapped(value):
        yield number, document if isinstance(document, dict) else Damaged("the line is not a JSON object")


def _unwrapped(value: Any) -> list[Any]:
    """The documents of a value: those of an array, a service's answer or a table of pandas, or the value itself."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and "battery_id" not in value:
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # pandas, orient="split"
            names = value["columns"]
            return [_named(names, row) for row in value["data"]]
        for name in _ANSWERS:
            if isinstance(value.get(name), list):
                return list(value[name])
    return [value]


def _named(names: list[Any], row: Any) -> Any:
    return dict(zip(map(str, names), row, strict=True)) if isinstance(row, list) and len(row) == len(names) else row


def _of_whole(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any] | Damaged]]:
    """The documents of a text that spans several lines: an array, an answer, or objects one after the other."""
    at = _BLANK.match(text).end()  # type: ignore[union-attr]
    if text[at : at + 1] == "[":
        yield from _of_array(text, at + 1, path)
        return
    while at < len(text):
        line = _line_of(text, at)
        value, at = _decode(text, at, path)
        for document in _unwrapped(value):
            yield line, document if isinstance(document, dict) else Damaged("not a JSON object")
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]


def _of_array(text: str, at: int, path: Path) -> Iterator[tuple[int, dict[str, Any] | Damaged]]:
    """The elements of an array, one at a time, so that only their text is in memory."""
    at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
    counted, line = 0, 1
    while text[at : at + 1] != "]":
        line += text.count("\n", counted, at)
        counted = at
        value, at = _decode(text, at, path)
        yield line, value if isinstance(value, dict) else Damaged("the element is not a JSON object")
        separator = _SEPARATOR.match(text, at)
        if separator is None:
            raise UserError(f"{path}, line {_line_of(text, at)}: the array is damaged or truncated; write it again")
        at = separator.end()
        if separator[1] == "]":
            return


def _decode(text: str, at: int, path: Path) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        where = _line_of(text, getattr(error, "pos", at))
        raise UserError(f"{path}, line {where}: not valid JSON ({_short(error)}); write the file again") from error


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
