"""Readers of raw snapshots. Each raw format is one module that assigns ``READER``.

All readers make the same raw table: values as the file has them, under the names of
:data:`~electrode_bench.data.readers.base.RAW_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from electrode_bench.core.registry import Registry
from electrode_bench.data.readers.base import (
    RAW_COLUMNS,
    REJECT_COLUMNS,
    SOURCE_COLUMNS,
    UNUSABLE,
    Contents,
    Raw,
    Reader,
    Reject,
    Row,
)
from electrode_bench.errors import UserError

__all__ = [
    "RAW_COLUMNS",
    "READERS",
    "REJECT_COLUMNS",
    "SOURCE_COLUMNS",
    "UNUSABLE",
    "Contents",
    "Raw",
    "Reader",
    "formats",
    "read",
    "suffix",
]

#: Every raw format by name.
READERS: Registry[Reader] = Registry("electrode_bench.data.readers", "READER", kind="raw format")


def formats(*, many_files: bool | None = None) -> str:
    """The endings of readable files, as a message names them; only those of snapshots of many files, or of one.

    JSON may also be gzipped, which only the first ending of documents says.
    """
    chosen = [r for r in READERS.values() if many_files in (None, r.many_files)]
    named = {s for r in chosen for s in (r.suffixes[0], *(s for s in r.suffixes if not s.endswith(".gz")))}
    *first, last = sorted(named)
    return f"{', '.join(first)} or {last}" if first else last


def suffix(name: str) -> str | None:
    """The ending by which a file's name can be read; None when no reader knows it."""
    endings = (ending for reader in READERS.values() for ending in reader.suffixes)
    return next((ending for ending in endings if name.lower().endswith(ending)), None)


def read(path: Path) -> Raw:
    """Read the snapshot at ``path``: a file, or a folder that holds one table or several files of documents.

    Raises
    ------
    UserError
        When there is nothing to read, more than one snapshot, a file cannot be read to its end, or a column is missing.
    """
    files, root = _files(path)
    endings = sorted({str(suffix(f.name)) for f in files})
    readers = [reader for reader in READERS.values() if endings[0] in reader.suffixes]
    if len(endings) > 1 or (len(files) > 1 and not any(reader.many_files for reader in readers)):
        named = ", ".join(str(f.relative_to(root)) for f in files[:3]) + (", ..." if len(files) > 3 else "")
        raise UserError(f"{path} holds more than one snapshot ({named}); keep one, they are never pooled")
    # Of equal matches the first: its message says what the file lacks.
    reader = max(readers, key=lambda reader: reader.match(files[0])) if len(readers) > 1 else readers[0]
    found = reader.read(files, root)
    return Raw(_frame(found.rows), _rejects(found.rejects), reader.title, found.conversions)


def _files(path: Path) -> tuple[list[Path], Path]:
    """The files of a snapshot, and the folder that their names are relative to."""
    if not path.exists():
        raise UserError(f"{path} does not exist; bring data in with: electrode-bench data use SOURCE")
    if path.is_file():
        if suffix(path.name) is None:
            raise UserError(f"{path}: unknown kind of file; readable are {formats()}")
        return [path], path.parent
    files = sorted(f for f in path.rglob("*") if f.is_file() and suffix(f.name) and not _hidden(f.relative_to(path)))
    # Beside other files, a .json describes them, such as the manifest of a release.
    files = [f for f in files if suffix(f.name) != ".json"] or files
    if not files:
        held = sorted(f.name for f in path.iterdir())[:3]
        holds = f"it holds {', '.join(held)}" if held else "it is empty"
        raise UserError(f"{path} has no {formats()} file ({holds}); give a folder or file that has")
    return files, path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*SOURCE_COLUMNS, *RAW_COLUMNS], dtype=object)
    return frame.astype({"line": "int64"})


def _rejects(rows: Iterable[Reject]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(REJECT_COLUMNS), dtype=object)
    return frame.astype({"line": "int64"})
