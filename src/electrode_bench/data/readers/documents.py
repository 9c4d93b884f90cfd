"""InsertionElectrodeDoc documents, one JSON object on each line, in one file or a folder of gzipped files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from electrode_bench.data.readers.base import RAW_COLUMNS, REQUIRED, SOURCE_COLUMNS, Reader, Reject, Row, reject
from electrode_bench.data.readers.columns import DOCUMENT
from electrode_bench.errors import UserError


def read(files: Sequence[Path], root: Path) -> tuple[Sequence[Row], Sequence[Reject]]:
    """The rows and rejects of the documents; see :class:`~electrode_bench.data.readers.base.Reader`."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    for path in files:
        name = str(path.relative_to(root))
        for line, content in _numbered(path):
            if not content.strip():
                continue
            try:
                document = json.loads(content)
            except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
                rejects.append(reject(name, line, "", f"the line is not valid JSON ({error})"))
                continue
            if not isinstance(document, dict):
                rejects.append(reject(name, line, "", "the line is not a JSON object"))
                continue
            rows.append((name, line, *(document.get(DOCUMENT[c]) for c in RAW_COLUMNS)))
    if not rows and not rejects:
        raise UserError(f"{files[0] if len(files) == 1 else root} has no lines; download it again")
    _check_fields(rows, files)
    return rows, rejects


def _check_fields(rows: Sequence[Row], files: Sequence[Path]) -> None:
    """A field that no document has means another kind of document, not a thousand broken rows."""
    offset = len(SOURCE_COLUMNS)
    for column in REQUIRED if rows else ():
        position = offset + RAW_COLUMNS.index(column)
        if all(row[position] is None for row in rows):
            raise UserError(
                f"{files[0]}: no document has the field '{DOCUMENT[column]}'; "
                "the lines must be InsertionElectrodeDoc documents"
            )


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a plain or gzipped file, from 1."""
    with path.open("rb") as probe:
        magic = probe.read(2)
    if not magic:
        raise UserError(f"{path} is empty; download it again")
    if path.name.lower().endswith(".gz") and magic != b"\x1f\x8b":
        raise UserError(f"{path} is not a gzip file; download it again, or drop the ending .gz if it is plain text")
    try:
        with gzip.open(path) if magic == b"\x1f\x8b" else path.open("rb") as stream:
            yield from enumerate(stream, 1)
    except EOFError as error:
        raise UserError(f"{path} is truncated: the gzip stream ends too early; download it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); download it again") from error


READER = Reader(
    name="documents",
    title="InsertionElectrodeDoc lines",
    suffixes=(".jsonl.gz", ".jsonl"),
    read=read,
    many_files=True,
)
