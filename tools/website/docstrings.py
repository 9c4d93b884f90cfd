"""Docstrings as Markdown, for the site's page of the Python API.

The docstrings of this project have numpy's sections, but no types in them: these are annotations, which the site shows
beside the names.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`[~.]?(?:[a-z_]+\.)*([^`]+)`")
_SECTION = re.compile(r"^([A-Z]\w+)\n-{3,}$\n", flags=re.MULTILINE)
_NAMED = re.compile(r"^(\w[\w, ]*?) : ", flags=re.MULTILINE)
_RAISED = re.compile(r"^(\w+)\n {4}", flags=re.MULTILINE)
_EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", flags=re.DOTALL | re.MULTILINE)


class AsMarkdown(griffe.Extension):
    """Replaces the docstring of each object."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    """A docstring with its sections as bold lines, names as list items, and examples as code blocks."""
    text = _ROLE.sub(r"`\1`", docstring)
    first, *rest = _SECTION.split(text)
    parts = [first.rstrip()]
    for title, content in zip(rest[::2], map(str.strip, rest[1::2]), strict=True):
        if title in ("Parameters", "Attributes"):
            content = _NAMED.sub(r"- `\1`: ", content)
        elif title == "Raises":
            content = _RAISED.sub(r"- `\1`: ", content)
        elif title == "Examples":
            content = _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", content)
        parts.append(f"**{title}**\n\n{content}")
    return "\n\n".join(parts) + "\n"
