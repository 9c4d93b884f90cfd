"""How much a file may hold: more is a mistake or an attack, and would fill the memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from electrode_bench.errors import UserError, brief

#: Rows of a snapshot. The Materials Project has some 5,000 insertion electrodes.
MOST_ROWS = 200_000

#: Lines of a snapshot: most are blank then, or belong to structures in cells.
MOST_LINES = 5_000_000

#: Bytes of a file that must be read as a whole, such as an array of documents.
MOST_BYTES = 256 << 20

#: Characters of one line of text; a document with its structures has a few hundred thousand.
LONGEST_LINE = 16 << 20

#: A gzip file may always unpack to this many bytes; beyond, to so many times its own size. Text seldom exceeds 30.
_FREE, _RATIO = 64 << 20, 100

_GZIP = b"\x1f\x8b"


def check_rows(rows: int, path: Path) -> None:
    """Raise a UserError when a snapshot has more than MOST_ROWS rows."""
    if rows > MOST_ROWS:
        raise UserError(f"{path} has more than {MOST_ROWS:,} rows, more than any snapshot of electrodes; give a part")


def check_lines(lines: int, path: Path) -> None:
    """Raise a UserError when a snapshot has more than MOST_LINES lines."""
    if lines > MOST_LINES:
        raise UserError(f"{path} has more than {MOST_LINES:,} lines, more than any snapshot of electrodes; give a part")


def too_large(path: Path, *, instead: str) -> UserError:
    """The error about a file that is too large to be read as a whole; ``instead`` says what to do."""
    return UserError(f"{path} is larger than {MOST_BYTES >> 20} MB; {instead}")


def check_ratio(size: int, path: Path) -> None:
    """Raise a UserError when ``size``, what a compressed file unpacks to, is implausible for its own size."""
    if size > _plausible(path):
        raise UserError(
            f"{path} unpacks to more than {_RATIO} times its size, as only a decompression bomb does; "
            "if it is none, unpack it or save it as CSV"
        )


def _plausible(path: Path) -> int:
    return max(_FREE, _RATIO * path.stat().st_size)


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The content of a plain or gzipped file as a stream that stops a decompression bomb.

    Raises
    ------
    UserError
        When the file is empty or damaged, or unpacks to an implausible size.
    """
    with path.open("rb") as probe:
        magic = probe.read(2)
    if not magic:
        raise UserError(f"{path} is empty; download it again")
    if path.name.lower().endswith(".gz") and magic != _GZIP:
        raise UserError(f"{path} is not a gzip file; download it again, or drop the ending .gz if it is plain text")
    if magic != _GZIP:
        with path.open("rb") as stream:
            yield stream
        return
    try:
        with gzip.open(path) as stream:
            yield cast(IO[bytes], _Bounded(stream, path))
    except EOFError as error:
        raise UserError(f"{path} is truncated: the gzip stream ends too early; download it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged ({brief(error)}); download it again") from error


class _Bounded:
    """A stream of unpacked bytes that ends with an error where it becomes implausibly long."""

    def __init__(self, stream: gzip.GzipFile, path: Path) -> None:
        self._stream, self._path = stream, path
        self._left, self._read = _plausible(path), 0

    def _counted(self, block: bytes) -> bytes:
        self._read += len(block)
        if self._read > self._left:
            check_ratio(self._read, self._path)
        return block

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._stream.read(size if size >= 0 else self._left + 1))

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._stream.readline(size))
