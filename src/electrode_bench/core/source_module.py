"""What each name at the top level of a source file stands for, read without importing the file."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from electrode_bench.core.syntax import last_name, without_inert

#: Decorators that only change what they decorate.
_PURE_DECORATORS = frozenset(
    {"cache", "cached_property", "contextmanager", "dataclass", "final", "jit", "lru_cache", "njit", "no_grad"}
    | {"inference_mode", "overload", "override", "runtime_checkable", "singledispatch", "total_ordering", "wraps"}
)


@dataclass(frozen=True, order=True)
class Import:
    """What an import binds a name to: a name within a module, or ("") the module itself."""

    module: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


class SourceModule:
    """The top level of a source file.

    Attributes
    ----------
    statements : for each name, the statements that assign or change it.
    imports : for each name, the imports that bind it; several where an import is tried before another.
    stars : modules whose names are all imported (``from module import *``).
    effects : statements that run on import and may change anything: calls, loops, conditions, ``obj.attribute = ...``,
        and definitions whose decorator may register them somewhere.
    imported : modules that run when this one is imported.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.statements: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.stars: list[str] = []
        self.effects: list[ast.stmt] = []
        self.imported: list[str] = []
        for statement in without_inert(ast.parse(path.read_text(encoding="utf-8")).body):
            self._add(statement)

    @cached_property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.statements, *self.imports]))

    def _add(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._add_import(statement)
            return
        changed = list(_changed(statement))
        for name in [*_stored(statement), *changed]:
            self.statements.setdefault(name, []).append(statement)
        definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign
        if changed or not isinstance(statement, definition) or _registers(statement):
            self.effects.append(statement)
        for inner in _own(statement):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                self._add_import(inner)

    def _add_import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.imported += imported_modules(node, self.package)
        for name, target in bound_names(node, self.package):
            if name == "*":
                self.stars.append(target.module)
            else:
                self.imports.setdefault(name, []).append(target)


def bound_names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Import]]:
    """Each name that an import binds, with what it stands for; "*" for every name of a module."""
    if isinstance(node, ast.ImportFrom):
        module = _absolute(node, package)
        for alias in node.names:
            yield alias.asname or alias.name, Import(module, "" if alias.name == "*" else alias.name)
        return
    for alias in node.names:
        # `import a.b` binds a; `import a.b as c` binds c to a.b.
        top = alias.name.partition(".")[0]
        yield (alias.asname, Import(alias.name)) if alias.asname else (top, Import(top))


def imported_modules(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """The modules that an import runs; names may be modules too."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = _absolute(node, package)
    return [module, *(f"{module}.{alias.name}" for alias in node.names if alias.name != "*")]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _registers(statement: ast.stmt) -> bool:
    """Whether a definition has a decorator that may do more than change what it decorates."""
    decorators = getattr(statement, "decorator_list", [])
    return any(last_name(decorator) not in _PURE_DECORATORS for decorator in decorators)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What runs with a statement at the top level: all below it but the bodies of functions and classes."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _own(child)


def _stored(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, itself or within its branches."""
    for node in _own(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


def _changed(statement: ast.stmt) -> Iterator[str]:
    """The names whose content an assignment changes, as ``TABLE["key"] = value`` does."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for node in [n for target in targets for n in ast.walk(target)]:
            if isinstance(node, ast.Attribute | ast.Subscript):
                base = node.value
                while isinstance(base, ast.Attribute | ast.Subscript):
                    base = base.value
                if isinstance(base, ast.Name):
                    yield base.id


def source_of(module: str) -> Path | None:
    """The file of a module's Python source; None when there is no such module, or it is not written in Python."""
    path = _location(module)
    return path if path is not None and path.is_file() else None


def exists(module: str) -> bool:
    """Whether there is a module of this name in Python, or a folder without ``__init__.py`` that holds modules."""
    return _location(module) is not None


def _location(module: str) -> Path | None:
    """The module's file, or its folder when that has no ``__init__.py``."""
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not below and spec.origin:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    # By path, since `find_spec` would import the packages above.
    for folder in spec.submodule_search_locations or ():
        inside = Path(folder, *below)
        for place in (inside / "__init__.py", inside.with_name(f"{inside.name}.py"), inside):
            if place.is_file() or (place == inside and place.is_dir()):
                return place
    return None
