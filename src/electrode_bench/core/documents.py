"""Reading YAML and JSON that people and other programs write: limited work, and one line for what cannot be read.

A file of a few hundred bytes can stand for gigabytes (YAML aliases), for a number that takes minutes to convert, or for
more levels than Python can follow. All of these are refused before they are built.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from electrode_bench.errors import brief

#: Levels of nesting. The deepest file of a project has seven.
MAX_DEPTH = 40

#: Bytes and values of a YAML file, with every alias written out. The longest one that people edit has a few kilobytes.
MAX_YAML_BYTES, MAX_YAML_VALUES = 1_000_000, 50_000

#: Bytes of a JSON file. The largest one that is written here has about a megabyte.
MAX_JSON_BYTES = 256_000_000

#: Characters of a number. Neither 64-bit integers nor floating-point numbers need as many.
_MAX_NUMBER = 400

_MERGE = "tag:yaml.org,2002:merge"

#: Half of a surrogate pair, written as an escape in JSON.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class DocumentError(ValueError):
    """A document that cannot be read; the message is one line without the name of the file.

    Attributes
    ----------
    line : of the fault, counted from 1; None where it is not known.
    """

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line

    def at(self, path: Path) -> str:
        """The message with the file and the line."""
        return f"{path}{'' if self.line is None else f', line {self.line}'}: {self}"


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises
    ------
    DocumentError
        When the file is missing or cannot be read, is not YAML, has a key twice, or goes beyond a limit of this module.
    """
    return parse_yaml(_text(path, limit=MAX_YAML_BYTES))


def parse_yaml(text: str) -> Any:
    """The content of a YAML text; errors as :func:`read_yaml`."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "context", None) or str(error)
        raise DocumentError(f"not valid YAML ({brief(reason)})", line=mark.line + 1 if mark else None) from error
    except RecursionError:
        raise DocumentError(f"it has more than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # PyYAML's constructors let through what int(), date() and others say of a value with an explicit tag.
        raise DocumentError(f"not valid YAML ({brief(error)})") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    DocumentError
        When the file is missing or cannot be read, is not JSON (which has no NaN and no infinity), or goes beyond a
        limit of this module.
    """
    return parse_json(_text(path, limit=MAX_JSON_BYTES))


def parse_json(text: str) -> Any:
    """The content of a JSON text; errors as :func:`read_json`."""
    try:
        value = json.loads(text, parse_int=_json_int, parse_float=_json_float, parse_constant=_no_constant)
    except DocumentError:
        raise
    except RecursionError:
        raise DocumentError(f"it has more than {MAX_DEPTH} levels") from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise DocumentError(f"not valid JSON ({getattr(error, 'msg', error)})", line=line) from error
    _check_depth(value)
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise DocumentError("a text has half of a surrogate pair, which is not a character") from None
    return value


def _text(path: Path, *, limit: int) -> str:
    try:
        if path.exists() and not path.is_file():
            # Opening a named pipe would wait for ever.
            raise DocumentError("it is not a file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise DocumentError(f"it cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise DocumentError(f"it has more than {limit:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"it is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error


class _Loader(yaml.SafeLoader):
    """The safe loader with limits, and without keys that stand twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        # Values and levels below each finished node, with aliases written out.
        self._measures: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ComposerError(None, None, f"more than {MAX_DEPTH} levels", mark)
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return node
        if is_alias and id(node) not in self._measures:
            raise ComposerError(None, None, "a value that contains itself", mark)
        if id(node) not in self._measures:
            self._measures[id(node)] = self._measure(node)
        values, levels = self._measures[id(node)]
        if values > MAX_YAML_VALUES:
            raise ComposerError(None, None, f"more than {MAX_YAML_VALUES:,} values, with aliases written out", mark)
        if self._depth + levels > MAX_DEPTH:
            raise ComposerError(None, None, f"more than {MAX_DEPTH} levels, with aliases written out", mark)
        return node

    def _measure(self, node: Node) -> tuple[int, int]:
        if not isinstance(node, CollectionNode):
            return 1, 1
        parts = node.value if not isinstance(node, MappingNode) else [part for pair in node.value for part in pair]
        measures = [self._measures[id(part)] for part in parts]
        return 1 + sum(values for values, _ in measures), 1 + max((levels for _, levels in measures), default=0)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if isinstance(node, MappingNode):
            seen = set()
            for key, _ in node.value:
                if isinstance(key, ScalarNode) and key.tag != _MERGE:
                    if (key.tag, key.value) in seen:
                        raise ConstructorError(
                            None, None, f"the key '{_short(key.value)}' stands twice", key.start_mark
                        )
                    seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: ScalarNode) -> int:
        _require_short(node)
        value = super().construct_yaml_int(node)
        if not fits(value):
            raise ConstructorError(None, None, f"{_short(node.value)} does not fit into 64 bits", node.start_mark)
        return value

    def construct_yaml_float(self, node: ScalarNode) -> float:
        _require_short(node)
        return super().construct_yaml_float(node)

    def construct_yaml_str(self, node: ScalarNode) -> str:
        value = super().construct_yaml_str(node)
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ConstructorError(None, None, "a text with a character that no text may have", node.start_mark)
        return value


for _kind in ("int", "float", "str"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(_Loader, f"construct_yaml_{_kind}"))


def fits(value: int) -> bool:
    """Whether an integer has at most 64 bits, as those of numpy, SQL and most programs that read JSON."""
    return -(2**63) <= value < 2**63


def _require_short(node: ScalarNode) -> None:
    if len(node.value) > _MAX_NUMBER:
        raise ConstructorError(None, None, f"a number of {len(node.value):,} characters", node.start_mark)


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}..."


def _json_int(text: str) -> int:
    if len(text) > _MAX_NUMBER or not fits(int(text)):
        raise DocumentError(f"the integer {_short(text)} does not fit into 64 bits")
    return int(text)


def _json_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise DocumentError(f"the number {_short(text)} is too large")
    return value


def _no_constant(name: str) -> None:
    raise DocumentError(f"{name} is not a value of JSON")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise DocumentError(f"it has more than {MAX_DEPTH} levels")
        level = [
            part
            for container in level
            if isinstance(container, dict | list)
            for part in (container.values() if isinstance(container, dict) else container)
            if isinstance(part, dict | list)
        ]
