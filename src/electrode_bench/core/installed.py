"""Which installed distributions hold a top-level module, and their versions.

``importlib.metadata.packages_distributions`` parses the metadata of every distribution, which takes longer than most
commands do anything else. Here, only the metadata of those that are asked for are read, and each only once.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import Distribution


@lru_cache(maxsize=1024)
def distributions_of(module: str) -> tuple[str, ...]:
    """The installed distributions that have a top-level module, in alphabetical order.

    None for a module of the standard library, and for one that no distribution has.
    """
    if module in sys.stdlib_module_names:
        return ()
    return tuple(sorted({distribution.metadata["Name"] for distribution in _installed().get(module, [])}))


@lru_cache(maxsize=1024)
def version(distribution: str) -> str:
    """The installed version of a distribution.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        When it is not installed.
    """
    return importlib.metadata.version(distribution)


@lru_cache(maxsize=1)
def _installed() -> Mapping[str, list[Distribution]]:
    """The installed distributions by top-level module."""
    found: dict[str, list[Distribution]] = {}
    for distribution in importlib.metadata.distributions():
        for module in _top_level(distribution):
            found.setdefault(module, []).append(distribution)
    return found


def _top_level(distribution: Distribution) -> set[str]:
    """The top-level modules that a distribution declares; those of its list of files where it declares none."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    if declared:
        return set(declared)
    # As lines: `Distribution.files` makes an object of each of thousands of files.
    paths = [line.partition(",")[0].strip('"') for line in (distribution.read_text("RECORD") or "").splitlines()]
    return {path.partition("/")[0].removesuffix(".py") for path in paths if path.endswith(".py")}
