"""Changing params.yaml as a person would: comments, order and the rest of the file stay as they are."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electrode_bench.core.documents import DocumentError, parse_yaml, read_yaml
from electrode_bench.errors import UserError, brief

if TYPE_CHECKING:
    from ruamel.yaml import YAML


def comment_preserving_yaml() -> YAML:
    """A reader and writer of YAML that keeps comments, and writes null as params.yaml does."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def with_model_values(path: Path, model: str, values: Mapping[str, Any]) -> str:
    """The text of params.yaml with ``values`` set under ``models.<model>``.

    Raises
    ------
    UserError
        When the file cannot be changed without changing more, as where another model shares the values by an alias.
    """
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.error import YAMLError

    def in_one_line(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        # [256, 128], as people write it.
        row = CommentedSeq(value)
        row.fa.set_flow_style()
        return row

    yaml, out = comment_preserving_yaml(), io.StringIO()
    try:
        expected = read_yaml(path)
        expected.setdefault("models", {})
        expected["models"][model] = {**(expected["models"].get(model) or {}), **values}
        document = yaml.load(path.read_text(encoding="utf-8"))
        section = document.setdefault("models", CommentedMap())
        if not section.get(model):
            section[model] = CommentedMap()
        for key, value in values.items():
            if key in section[model]:
                section[model][key] = in_one_line(value)
            else:
                # First, not last: a comment above the next model belongs to the last key, and would come before a new
                # one.
                section[model].insert(0, key, in_one_line(value))
        yaml.dump(document, out)
        if _same(parse_yaml(out.getvalue()), expected):
            return out.getvalue()
        reason = "other values would change with them"
    except (YAMLError, DocumentError, AttributeError, TypeError, ValueError, LookupError) as error:
        reason = brief(error, 200)
    raise UserError(f"{path} cannot be changed ({reason}); set these by hand under models.{model}: {dict(values)}")


def _same(read: Any, expected: Any) -> bool:
    """Whether a value was written as expected. 1e-05 is read as a text, and becomes a number with the configuration."""
    if isinstance(expected, Mapping):
        return (
            isinstance(read, Mapping)
            and read.keys() == expected.keys()
            and all(_same(read[key], expected[key]) for key in expected)
        )
    if isinstance(expected, list | tuple):
        return isinstance(read, list) and len(read) == len(expected) and all(map(_same, read, expected))
    if isinstance(expected, float) and isinstance(read, str):
        return float(read) == expected
    return bool(read == expected)
