"""Which source code and which library versions decide a result.

The closure starts at a function or class and follows every name that its code uses, into the modules of this package,
of the package that the entry belongs to, and of files that no installed distribution has. Only definitions that can be
reached count, and comments, docstrings and annotations of functions do not: editing a comment, or a function that the
entry never reaches, changes nothing, while a changed constant three modules away does.

Some things are taken whole because they cannot be followed: a module that is passed around as a value, and what runs
when a module is imported other than assignments and plain definitions. Data files beside a module count when its code
names them.

Some things cannot be seen: the classes of objects that are passed in as arguments, names that are looked up at run time
as in a registry, and subclasses that register themselves. Whoever uses them names them as further entries.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from electrode_bench.core.installed import distributions_of, version
from electrode_bench.core.source_module import Import, SourceModule, bound_names, exists, imported_modules, source_of
from electrode_bench.core.syntax import canonical, executed

#: Stand for a name of a module: everything in it, and only what runs on import.
_ALL, _RUN = "*", ""

#: A name within a module, or one of the two above.
_Item = tuple[str, str]


#: Attributes of every module, for which Python never calls the module's ``__getattr__``.
_EVERY_MODULE_HAS = frozenset({"__dict__", "__doc__", "__file__", "__loader__", "__name__", "__package__", "__spec__"})


@dataclass(frozen=True)
class SourceClosure:
    """The source code that decides a result.

    Attributes
    ----------
    digest : SHA-256 (hex) of the code that is reached and of what each imported name in it stands for.
    files : the files that hold it.
    libraries : the installed distributions that it uses, in alphabetical order.
    """

    digest: str
    files: tuple[Path, ...]
    libraries: tuple[str, ...]

    def versions(self) -> dict[str, str]:
        """The installed version of each library."""
        return {name: version(name) for name in self.libraries}


@lru_cache(maxsize=256)
def source_closure(*entries: str) -> SourceClosure:
    """The source code and libraries that the entries reach.

    Parameters
    ----------
    entries : ``"package.module:name"`` for a function, class or constant, or ``"package.module"`` for a whole module.

    Raises
    ------
    ValueError
        When an entry's module cannot be found or does not define the name.

    Examples
    --------
    >>> closure = source_closure("electrode_bench.core.seeds:derive")
    >>> [file.name for file in closure.files]
    ['seeds.py']
    """
    walk = _Walk({__name__.partition(".")[0], *(e.partition(":")[0].partition(".")[0] for e in entries)})
    for text in entries:
        module, _, name = text.partition(":")
        name = name.partition(".")[0]
        source = walk.module(module)
        if source is None:
            raise ValueError(f"{text}: there is no Python source for the module {module}")
        if name and not walk.binds(source, name):
            raise ValueError(f"{text}: {module} does not define {name}")
        walk.visit(module, name or _ALL)
    return walk.closure()


def entry(function: Callable[..., Any]) -> str:
    """The entry of a function or class, for :func:`source_closure`; its whole module for one without a name."""
    name = function.__qualname__.partition(".")[0]
    return f"{function.__module__}:{name}" if name.isidentifier() else function.__module__


class _Walk:
    """Follows names from module to module.

    Attributes
    ----------
    packages : top-level packages whose code is followed whether or not they are installed.
    reached : for each module, the statements that are reached, by position.
    bindings : (module, name, import) for each imported name that the reached code uses.
    data : data files that the reached code names.
    """

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages
        self.modules: dict[str, SourceModule | None] = {}
        self.seen: set[_Item] = set()
        self.reached: dict[str, dict[tuple[int, int], ast.stmt]] = {}
        self.bindings: set[tuple[str, str, Import]] = set()
        self.data: set[Path] = set()
        self.libraries: set[str] = set()

    def module(self, name: str) -> SourceModule | None:
        """The source of a module; None when there is none."""
        if name not in self.modules:
            path = source_of(name)
            self.modules[name] = None if path is None else SourceModule(name, path)
        return self.modules[name]

    def visit(self, module: str, name: str) -> None:
        """Reach a name of a module, and everything that its code uses."""
        todo = [(module, name)]
        while todo:
            item = todo.pop()
            if item not in self.seen:
                self.seen.add(item)
                todo += self._step(*item)

    def binds(self, module: SourceModule, name: str) -> bool:
        """Whether a module has a name at its top level, of its own or from ``from other import *``."""
        stars = (self.module(star) for star in module.stars if self._followed(star))
        return name in module.names or any(self.binds(star, name) for star in stars if star is not None)

    def _followed(self, module: str) -> bool:
        top = module.partition(".")[0]
        if top in self.packages:
            return True
        # A file of the user's own, such as one beside the entry.
        return top not in sys.stdlib_module_names and not distributions_of(top) and source_of(top) is not None

    def _step(self, name: str, wanted: str) -> Iterator[_Item]:
        if not self._followed(name):
            self.libraries.add(name.partition(".")[0])
            return
        module = self.module(name)
        if "." in name:
            yield name.rpartition(".")[0], _RUN
        if module is None:
            return
        yield from self._reach(module, module.effects)
        yield from ((other, _RUN) for other in module.imported if self._followed(other))
        if wanted == _ALL:
            yield from ((name, each) for each in module.names)
            yield from ((star, _ALL) for star in module.stars)
        elif wanted != _RUN:
            yield from self._lookup(module, wanted)

    def _lookup(self, module: SourceModule, name: str) -> Iterator[_Item]:
        """What a module's name stands for."""
        yield from self._reach(module, module.statements.get(name, []))
        for target in module.imports.get(name, []):
            yield from self._follow(module, name, target, [])
        if name in module.names:
            return
        for star in module.stars:
            inside = self.module(star) if self._followed(star) else None
            if inside is None or self.binds(inside, name):
                self.bindings.add((module.name, name, Import(star, name)))
                yield star, name
        if exists(f"{module.name}.{name}"):
            yield f"{module.name}.{name}", _RUN
        elif "__getattr__" in module.statements and name not in _EVERY_MODULE_HAS:
            yield module.name, _ALL

    def _reach(self, module: SourceModule, statements: list[ast.stmt]) -> Iterator[_Item]:
        for statement in statements:
            reached = self.reached.setdefault(module.name, {})
            if (at := (statement.lineno, statement.col_offset)) not in reached:
                reached[at] = statement
                yield from self._used(module, statement)

    def _used(self, module: SourceModule, statement: ast.stmt) -> Iterator[_Item]:
        """What the code of a statement names."""
        local: dict[str, list[Import]] = {}
        nodes = list(executed(statement))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from ((other, _RUN) for other in imported_modules(node, module.package))
                for name, target in bound_names(node, module.package):
                    local.setdefault(name, []).append(target)
        within_chains: set[int] = set()
        for node in nodes:
            if isinstance(node, ast.Constant):
                self._note_data(module, node.value)
            if isinstance(node, ast.Call) and (named := _module_in_text(node)):
                yield named, _ALL
            if isinstance(node, ast.Global):
                yield from ((module.name, name) for name in node.names)
            base, attributes = _chain(node)
            if base is None or id(node) in within_chains:
                continue
            within_chains |= {id(inner) for inner in ast.walk(node)} if attributes else set()
            for target in [*local.get(base.id, []), *module.imports.get(base.id, [])]:
                yield from self._follow(module, base.id, target, attributes)
            if base.id in module.statements or (module.stars and base.id not in module.imports):
                yield module.name, base.id

    def _follow(self, module: SourceModule, name: str, target: Import, attributes: list[str]) -> Iterator[_Item]:
        """What an imported name and the attributes after it lead to, as far down as they name modules."""
        self.bindings.add((module.name, name, target))
        at, wanted = target.module, target.name
        for attribute in [*([wanted] if wanted else []), *attributes]:
            inside = self.module(at) if self._followed(at) else None
            below = f"{at}.{attribute}"
            if inside is not None and self.binds(inside, attribute):
                yield at, attribute
                return
            if not self._followed(at) or not exists(below):
                yield at, attribute
                return
            yield at, _RUN
            at = below
        yield at, _ALL

    def _note_data(self, module: SourceModule, value: object) -> None:
        if isinstance(value, str) and "." in value and len(value) < 200 and value.isprintable():
            folder = module.path.parent
            file = folder / value
            if file.suffix != ".py" and file.is_file() and file.resolve().is_relative_to(folder.resolve()):
                self.data.add(file)

    def closure(self) -> SourceClosure:
        state = hashlib.sha256()
        for name in sorted(self.reached):
            state.update(f"\x1e{name}".encode())
            for _, statement in sorted(self.reached[name].items()):
                state.update(f"\x1f{canonical(statement)}".encode())
        for module, name, target in sorted(self.bindings):
            state.update(f"\x1d{module}:{name}={target}".encode())
        for file in sorted(self.data):
            state.update(f"\x1c{file.name}={hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
        modules = [self.modules.get(name) for name in {*self.reached, *(module for module, _, _ in self.bindings)}]
        return SourceClosure(
            digest=state.hexdigest(),
            files=tuple(sorted({*(m.path for m in modules if m is not None), *self.data})),
            libraries=tuple(sorted({d for top in self.libraries for d in distributions_of(top)}, key=str.lower)),
        )


def _chain(node: ast.AST) -> tuple[ast.Name | None, list[str]]:
    """The name that an expression ``name.attribute.attribute`` begins with, and its attributes."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    # A name that is assigned to is not read.
    return (node, attributes) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else (None, [])


def _module_in_text(call: ast.Call) -> str | None:
    """The module that ``files("package")`` or ``import_module("package")`` names."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    first = call.args[0] if call.args else None
    if name in ("files", "import_module") and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return None
