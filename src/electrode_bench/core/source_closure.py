"""Which source code and which library versions decide a result.

The closure starts at a function or class and follows every name that its code uses, into the modules of this package
and of the package that the entry belongs to. Only definitions that can be reached count, and they are compared as
syntax trees without docstrings: a comment, a docstring, or a function that the entry never reaches changes nothing,
while a changed constant three modules away does.

What cannot be followed is taken whole: a module that is passed around as a value, and statements at the top level of a
module other than imports, assignments and definitions. Names that are looked up in a registry at run time cannot be
seen; whoever uses a registry names the chosen entry as another starting point.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

#: Distributions whose name is not that of their module.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "PyYAML", "umap": "umap-learn"}


@dataclass(frozen=True)
class SourceClosure:
    """The source code that decides a result.

    Attributes
    ----------
    digest : SHA-256 (hex) of the definitions that are reached, without comments, docstrings and positions.
    files : the source files that hold them.
    libraries : the installed distributions that they import, in alphabetical order.
    """

    digest: str
    files: tuple[Path, ...]
    libraries: tuple[str, ...]

    def versions(self) -> dict[str, str]:
        """The installed version of each library."""
        return {name: importlib.metadata.version(name) for name in self.libraries}


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
    walk = _Walk({__name__.partition(".")[0], *(e.partition(".")[0].partition(":")[0] for e in entries)})
    for entry in entries:
        module, _, name = entry.partition(":")
        found = walk.module(module)
        if found is None:
            raise ValueError(f"{entry}: there is no Python source for the module {module}")
        if name and name.partition(".")[0] not in found.definitions:
            raise ValueError(f"{entry}: {module} does not define {name}")
        walk.visit(module, name.partition(".")[0] or None)
    return walk.closure()


@dataclass(frozen=True)
class _Import:
    """What a name stands for: a module, or a name within one."""

    module: str
    name: str | None


class _Module:
    """The top level of a source file: what each name is bound to, and statements that run on import."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, _Import] = {}
        self.effects: list[ast.stmt] = []
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            self._add(node)

    def _add(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports |= dict(_imported(node, self.package))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            # MAPPING["key"] = value changes what MAPPING is.
            for name in names:
                self.definitions.setdefault(name, []).append(node)
        elif not _is_docstring(node) and not _is_type_checking(node):
            self.effects.append(node)

    @cached_property
    def names(self) -> list[str]:
        return [*self.definitions, *self.imports]


class _Walk:
    """Follows names from module to module."""

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages
        self.modules: dict[str, _Module | None] = {}
        self.reached: dict[str, dict[int, ast.stmt]] = {}
        self.seen: set[tuple[str, str | None]] = set()
        self.third_party: set[str] = set()

    def module(self, name: str) -> _Module | None:
        """The module with its source; None for one that has none (an extension, or nothing of that name)."""
        if name not in self.modules:
            path = _source(name)
            self.modules[name] = None if path is None else _Module(name, path)
        return self.modules[name]

    def visit(self, module: str, name: str | None) -> None:
        """Reach one name of a module, or all of them, and everything that their code uses."""
        todo = [(module, name)]
        while todo:
            at = todo.pop()
            if at in self.seen:
                continue
            self.seen.add(at)
            todo += self._step(*at)

    def _step(self, name: str, wanted: str | None) -> Iterator[tuple[str, str | None]]:
        if name.partition(".")[0] not in self.packages:
            self.third_party.add(name.partition(".")[0])
            return
        module = self.module(name)
        if module is None:
            return
        parent = name.rpartition(".")[0]
        if parent:
            # Importing a module runs its package; only statements with an effect count of it.
            yield parent, ""
        yield from self._reach(module, module.effects)
        if wanted == "":
            return
        if wanted is None:
            for each in module.names:
                yield name, each
        elif wanted in module.definitions:
            yield from self._reach(module, module.definitions[wanted])
        elif wanted in module.imports:
            target = module.imports[wanted]
            yield self._resolved(target)
        elif self.module(f"{name}.{wanted}") is not None:
            yield f"{name}.{wanted}", ""
        elif "__getattr__" in module.definitions:
            yield name, None

    def _reach(self, module: _Module, nodes: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
        for node in nodes:
            self.reached.setdefault(module.name, {})[node.lineno * 10_000 + node.col_offset] = node
            yield from self._used(module, node)

    def _used(self, module: _Module, node: ast.stmt) -> Iterator[tuple[str, str | None]]:
        """What the code of one statement names, of its module or of imported ones."""
        local: dict[str, _Import] = {}
        for inner in _executed(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                local |= dict(_imported(inner, module.package))
        scope = {**module.imports, **local}
        for target in local.values():
            # An import runs the module, whether or not its name is used.
            yield self._resolved(target)[0], ""
        attributes: set[int] = set()
        for inner in _executed(node):
            if isinstance(inner, ast.Call) and (named := _module_by_text(inner)):
                yield named, None
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in scope:
                above, name = self._resolved(scope[inner.value.id])
                if name is None:
                    attributes.add(id(inner.value))
                    yield above, inner.attr
        for inner in _executed(node):
            if isinstance(inner, ast.Name) and id(inner) not in attributes:
                if inner.id in scope:
                    yield self._resolved(scope[inner.id])
                elif inner.id in module.definitions:
                    yield module.name, inner.id

    def _resolved(self, target: _Import) -> tuple[str, str | None]:
        """(module, name), where name is None for a module as a whole."""
        if target.name is None or target.module.partition(".")[0] not in self.packages:
            return target.module, None
        inside = self.module(target.module)
        if inside is not None and target.name in inside.names:
            return target.module, target.name
        below = f"{target.module}.{target.name}"
        return (below, None) if self.module(below) is not None else (target.module, target.name)

    def closure(self) -> SourceClosure:
        state = hashlib.sha256()
        for name in sorted(self.reached):
            state.update(f"\x1e{name}".encode())
            for _, node in sorted(self.reached[name].items()):
                state.update(f"\x1f{ast.dump(_Bare().visit(ast.parse(ast.unparse(node))))}".encode())
        files = [self.modules[name] for name in self.reached]
        return SourceClosure(
            digest=state.hexdigest(),
            files=tuple(sorted(m.path for m in files if m is not None)),
            libraries=tuple(sorted({d for name in self.third_party if (d := _distribution(name))}, key=str.lower)),
        )


class _Bare(ast.NodeTransformer):
    """A syntax tree without docstrings, those of attributes included."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not _is_docstring(n)] or [ast.Pass()]  # type: ignore[attr-defined]
        return node


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below ``node``, without what never runs: ``if TYPE_CHECKING`` and the annotations of functions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt) and _is_type_checking(child):
            continue
        if child is getattr(node, "returns", None) or (isinstance(node, ast.arg) and child is node.annotation):
            continue
        yield from _executed(child)


def _module_by_text(call: ast.Call) -> str | None:
    """The module that ``files("package")`` or ``import_module("package")`` names."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    first = call.args[0] if call.args else None
    if name in ("files", "import_module") and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return None


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, _Import]]:
    """The names that an import binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            # `import a.b` binds a, `import a.b as c` binds c to a.b.
            yield (
                (alias.asname, _Import(alias.name, None))
                if alias.asname
                else (
                    alias.name.partition(".")[0],
                    _Import(alias.name.partition(".")[0], None),
                )
            )
        return
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        yield alias.asname or alias.name, _Import(module, None if alias.name == "*" else alias.name)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _source(name: str) -> Path | None:
    """The file of a module, found without importing it where its package is imported already."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


@lru_cache(maxsize=1)
def _by_module() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


@lru_cache(maxsize=256)
def _distribution(module: str) -> str | None:
    """The installed distribution that a top-level module belongs to; None for the standard library, or when missing."""
    if module in sys.stdlib_module_names:
        return None
    name = _DISTRIBUTIONS.get(module, module)
    try:
        return str(importlib.metadata.metadata(name)["Name"])
    except importlib.metadata.PackageNotFoundError:
        # Reading what every distribution holds takes a while, and most modules have the name of theirs.
        return next(iter(_by_module().get(module, [])), None)
