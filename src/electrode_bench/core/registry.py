"""Registries: a model, a protocol, a feature set or a raw format is one module, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from electrode_bench.errors import UserError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """The entries of one kind: modules of a package that assign the entry to one agreed name.

    A module is imported when its entry is asked for, so that listing names costs nothing and one entry's libraries
    are not loaded for another.

    Parameters
    ----------
    package : name of the package that holds the modules.
    attribute : name that an entry's module assigns, such as ``SPEC``.
    kind : what an entry is, for messages, such as ``model``.

    Examples
    --------
    >>> protocols = Registry("electrode_bench.splits", "PROTOCOL", kind="protocol")
    >>> "grouped" in protocols
    True
    >>> protocols["loco"].title
    'Leave one cluster out'
    """

    def __init__(self, package: str, attribute: str, *, kind: str) -> None:
        self.package, self.attribute, self.kind = package, attribute, kind

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all entries, in alphabetical order. No entry is imported."""
        assigned = re.compile(rf"^{self.attribute}\b[^=\n]*=", flags=re.MULTILINE)
        folders = [Path(folder) for folder in importlib.import_module(self.package).__path__]
        found = []
        for folder in folders:
            for module in pkgutil.iter_modules([str(folder)]):
                file = folder / module.name / "__init__.py" if module.ispkg else folder / f"{module.name}.py"
                if assigned.search(file.read_text(encoding="utf-8")):
                    found.append(module.name)
        return tuple(sorted(found))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def module(self, name: str) -> str:
        """Name of the module that holds an entry.

        Raises
        ------
        UserError
            When there is no entry of this name; the message has the nearest one.
        """
        if name not in self.names:
            raise UserError(f"unknown {self.kind} '{name}'; {nearest(name, self.names)}")
        return f"{self.package}.{name}"

    def __getitem__(self, name: str) -> T:
        """The entry of this name; errors as :meth:`module`."""
        entry: T = getattr(importlib.import_module(self.module(name)), self.attribute)
        return entry
