"""Which code is installed here, told without reading it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import electrode_bench
from electrode_bench.core.digests import digest

#: The folder of this package.
_PACKAGE = Path(electrode_bench.__file__).parent


def installation() -> str:
    """A digest that changes with this package's files, Python, and the installed distributions and their versions.

    Only the state of files is read, which takes milliseconds where :mod:`~electrode_bench.core.source_closure` takes
    half a second.
    """
    return digest([sys.version, sorted(set(_distributions())), file_states(_PACKAGE.rglob("*.py"), root=_PACKAGE)])


def _distributions() -> Iterator[str]:
    """Names of the folders of installed distributions: each is that of a distribution with its version."""
    for folder in filter(None, sys.path):
        # As in an import, a folder that is missing or may not be read has nothing.
        with suppress(OSError):
            yield from (path.name for path in Path(folder).glob("*.dist-info"))


def file_states(paths: Iterable[Path], *, root: Path) -> list[list[Any]]:
    """Name below ``root``, size and time of modification of files, sorted; None for what is not there."""
    states: list[list[Any]] = []
    for path in sorted(paths):
        try:
            found = path.stat()
            states.append([path.relative_to(root).as_posix(), found.st_size, found.st_mtime_ns, found.st_ino])
        except FileNotFoundError:
            states.append([path.relative_to(root).as_posix(), None])
    return states
