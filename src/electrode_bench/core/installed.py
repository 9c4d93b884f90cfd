"""Which installed distributions hold a top-level module, and their versions.

``importlib.metadata.packages_distributions`` parses the metadata of every distribution, which takes longer than most
commands do anything else. Here, only the metadata of those that are asked for are read, and each only once.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import Distribution


@lru_cache(maxsize=1024)
def distributions_of(module: str) -> tuple[str, ...]:
    """The installed distributions that have a top-level module, in alphabetical order.

    None for a module of the standard library, and for one that no distribution has. Of several that share a namespace,
    those count that this package requires: what an extra adds to ``pymatgen`` decides no number.
    """
    if module in sys.stdlib_module_names:
        return ()
    names = sorted({distribution.metadata["Name"] for distribution in _installed().get(module, [])})
    if len(names) > 1:
        names = [name for name in names if _normalised(name) in _required()] or names
    return tuple(names)


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
def _required() -> frozenset[str]:
    """Normalised names of the distributions that this package requires without extras, and of what these require."""
    # Most commands do not ask.
    from packaging.requirements import Requirement

    seen: set[tuple[str, str]] = set()
    left = [("electrode-bench", "")]
    while left:
        name, extra = left.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for one in map(Requirement, lines):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                left += [(_normalised(one.name), wanted) for wanted in ("", *one.extras)]
    return frozenset(name for name, _ in seen)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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
