"""Entries of a cache: folders that are written whole, checked before they are read, and set aside when damaged."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.sealed import ASIDE, SUMS, Damaged, check_folder, read_folder, seal_folder, set_aside

T = TypeVar("T")

#: Age in seconds after which an unfinished folder cannot belong to a live run.
_ABANDONED = 86400

#: In a cache all of whose entries have checksums: one without them is damaged.
_SEALED = ".sealed"

_log = logging.getLogger(__name__)


def content(entry: Path) -> dict[str, bytes] | None:
    """The files of an entry by name; None when the cache does not have it, or had it damaged."""
    return _of_intact(entry, read_folder)


def is_intact(entry: Path) -> bool:
    """Whether the cache has an entry as it was written. A damaged one is set aside."""
    return _of_intact(entry, _is_whole) is not None


def _is_whole(entry: Path) -> bool:
    check_folder(entry)
    return True


def _of_intact(entry: Path, read: Callable[[Path], T]) -> T | None:
    if not os.path.lexists(entry):
        return None
    _seal_earlier(entry.parent)
    try:
        return read(entry)
    except Damaged as damage:
        set_aside(entry, str(damage))
        return None


@contextmanager
def new_entry(entry: Path) -> Iterator[Path]:
    """A temporary folder that becomes the entry when the block succeeds, and is removed when it fails."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    _seal_earlier(entry.parent)
    temporary = Path(tempfile.mkdtemp(prefix=".part-", dir=entry.parent))
    try:
        yield temporary
        seal_folder(temporary)
        # mkdtemp makes a private folder; the cache is shared with the group, as the umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        try:
            os.replace(temporary, entry)
        except OSError:
            # Another run of the same task was first; its content is the same.
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_abandoned(cache: Path) -> None:
    """Remove what killed runs left half-written; only after a day, since a live run may still be writing."""
    for part in cache.glob(".part-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                shutil.rmtree(part)


def _seal_earlier(cache: Path) -> None:
    """Seal the entries of a cache that an earlier version without checksums has made, once.

    What they hold cannot be checked, and making it again may take days. From then on it is checked.
    """
    marker = cache / _SEALED
    if marker.exists():
        return
    with FileLock(cache / ".sealing"):
        if marker.exists():
            return
        found = [path for path in cache.iterdir() if path.is_dir() and path.name != ASIDE and path.name[0] != "."]
        earlier = [path for path in found if not (path / SUMS).exists()]
        for entry in earlier:
            seal_folder(entry)
        write_text("", marker)
    if earlier:
        _log.warning(
            "%s: %d entries were made without checksums by an earlier version; they are used as they are and checked "
            "from now on (to make them again, delete the folder)", cache, len(earlier),
        )  # fmt: skip
