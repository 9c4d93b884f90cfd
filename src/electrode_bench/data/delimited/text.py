"""The lines of a text file, whatever program wrote it: byte-order marks, UTF-16, and Windows' Western encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from electrode_bench.data.limits import LONGEST_LINE
from electrode_bench.errors import UserError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: What is read as Windows' Western encoding, because it is not UTF-8.
WESTERN = "cp1252"

_BLOCK = 1 << 20


def encoding(path: Path) -> str:
    """The encoding of a text file, from its byte-order mark or its bytes.

    Raises
    ------
    UserError
        When the file is not text.
    """
    with path.open("rb") as stream:
        start = stream.read(4096)
        for mark, name in _MARKS:
            if start.startswith(mark):
                return name
        # Every second byte of Latin text in UTF-16 is zero.
        if start[1::2].count(0) > len(start) // 4:
            return "utf-16-le"
        if start[0::2].count(0) > len(start) // 4:
            return "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        block = start
        while block:
            if b"\0" in block:
                raise UserError(f"{path} is not text; give a CSV, Excel or parquet file, or one formula per line")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return WESTERN
            block = stream.read(_BLOCK)
    return "utf-8"


def lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a text file with their line breaks; bytes that cannot be decoded become U+FFFD.

    Raises
    ------
    UserError
        When a line is longer than LONGEST_LINE characters.
    """
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        number = 1
        while line := stream.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise UserError(f"{path}, line {number} is longer than {LONGEST_LINE:,} characters; export it again")
            yield line
            number += 1
