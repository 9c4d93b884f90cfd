"""Source code without what never changes a result: comments, docstrings, positions, and annotations of functions."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from typing import Any

#: Fields of syntax trees that say nothing about behaviour.
_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "simple"})

#: Decorators that do not read the annotations of what they decorate.
_BLIND = frozenset(
    {"property", "cached_property", "staticmethod", "classmethod", "abstractmethod", "contextmanager", "cache"}
    | {"lru_cache", "setter", "override", "fixture"}
)

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def source_digest(text: str) -> str:
    """SHA-256 (hex) of a source file's behaviour.

    Comments, formatting, docstrings and annotations of functions do not change it.

    Examples
    --------
    >>> source_digest("x = 1  # one") == source_digest("x=1")
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    return hashlib.sha256(canonical(ast.parse(text)).encode()).hexdigest()


def canonical(node: ast.AST) -> str:
    """A text of the code's behaviour, the same in every version of Python: equal texts mean equal code."""
    return _text(node, in_function=False)


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and every node below it that has an effect when the code runs, parents before children."""
    yield from _walk(node, in_function=False)


def without_inert(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that have an effect: without docstrings, ``pass``, and what only type checkers run."""
    kept: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Pass) or _is_text(statement):
            continue
        checking = _type_checking(statement)
        if checking is None:
            kept.append(statement)
        else:
            kept += without_inert(checking)
    return kept


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name, of what is called if it is a call; "" for any other expression."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a bare string, as docstrings of modules, functions and attributes are."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _type_checking(node: ast.stmt) -> list[ast.stmt] | None:
    """What runs of an ``if TYPE_CHECKING``; None for every other statement."""
    if not isinstance(node, ast.If):
        return None
    if last_name(node.test) == "TYPE_CHECKING":
        return node.orelse
    if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        return node.body if last_name(node.test.operand) == "TYPE_CHECKING" else None
    return None


def _parts(node: ast.AST, *, in_function: bool) -> Iterator[tuple[str, Any]]:
    """The fields of a node that have an effect when the code runs."""
    # A decorator may read annotations, as `functools.singledispatch` does.
    annotated = isinstance(node, _FUNCTIONS) and any(last_name(d) not in _BLIND for d in node.decorator_list)
    for field, value in ast.iter_fields(node):
        if field in _IGNORED:
            continue
        if isinstance(node, _FUNCTIONS) and not annotated:
            if field == "returns":
                continue
            if field == "args":
                value = _without_annotations(value)
        # Python never evaluates the annotations of local variables.
        if in_function and isinstance(node, ast.AnnAssign) and field == "annotation":
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            value = without_inert(value)
        yield field, value


def _without_annotations(arguments: ast.arguments) -> ast.arguments:
    def bare(argument: ast.arg | None) -> ast.arg | None:
        return None if argument is None else ast.arg(arg=argument.arg, annotation=None)

    return ast.arguments(
        posonlyargs=[ast.arg(arg=a.arg, annotation=None) for a in arguments.posonlyargs],
        args=[ast.arg(arg=a.arg, annotation=None) for a in arguments.args],
        vararg=bare(arguments.vararg),
        kwonlyargs=[ast.arg(arg=a.arg, annotation=None) for a in arguments.kwonlyargs],
        kw_defaults=arguments.kw_defaults,
        kwarg=bare(arguments.kwarg),
        defaults=arguments.defaults,
    )


def _inside(node: ast.AST, in_function: bool) -> bool:
    return isinstance(node, _FUNCTIONS) or (in_function and not isinstance(node, ast.ClassDef))


def _walk(node: ast.AST, *, in_function: bool) -> Iterator[ast.AST]:
    yield node
    for _, value in _parts(node, in_function=in_function):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, in_function=_inside(node, in_function))


def _text(value: Any, *, in_function: bool) -> str:
    if isinstance(value, ast.Constant):
        return f"{type(value.value).__name__}:{value.value!r}"
    if in_function and isinstance(value, ast.AnnAssign):
        # As without its annotation.
        value = ast.Assign(targets=[value.target], value=value.value) if value.value else ast.Pass()
    if isinstance(value, ast.AST):
        inner = _inside(value, in_function)
        fields = ((field, _text(v, in_function=inner)) for field, v in _parts(value, in_function=in_function))
        # What is empty is left out: some versions of Python have fields that others lack.
        return f"{type(value).__name__}({', '.join(f'{field}={text}' for field, text in fields if text)})"
    if isinstance(value, list):
        return f"[{', '.join(_text(v, in_function=in_function) or 'None' for v in value)}]" if value else ""
    return "" if value is None else repr(value)
