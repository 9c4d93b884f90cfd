"""Changing params.yaml as a person would: comments, order and the rest of the file stay as they are."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electrode_bench.core.artifacts import write_text

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


def write_model_values(path: Path, model: str, values: Mapping[str, Any]) -> None:
    """Set ``values`` under ``models.<model>`` in params.yaml."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    yaml = comment_preserving_yaml()
    document = yaml.load(path.read_text(encoding="utf-8"))

    def in_one_line(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        # [256, 128], as people write it.
        row = CommentedSeq(value)
        row.fa.set_flow_style()
        return row

    section = document.setdefault("models", CommentedMap())
    if not section.get(model):
        section[model] = CommentedMap()
    for key, value in values.items():
        if key in section[model]:
            section[model][key] = in_one_line(value)
        else:
            # First, not last: a comment above the next model belongs to the last key, and would come before a new one.
            section[model].insert(0, key, in_one_line(value))
    out = io.StringIO()
    yaml.dump(document, out)
    write_text(out.getvalue(), path)
