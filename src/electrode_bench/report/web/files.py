"""The files of a page: style sheets and scripts joined into one text each, templates, and data as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment

_IMPORT = re.compile(r"^import [^;]*;\n", flags=re.MULTILINE)
_EXPORT = re.compile(r"^export ", flags=re.MULTILINE)


class Asset(NamedTuple):
    """A style sheet or script: the package that has it in its folder ``assets``, and the name of the file."""

    package: str
    name: str

    def text(self) -> str:
        return files(self.package).joinpath("assets", self.name).read_text(encoding="utf-8")


def assets(package: str, *names: str) -> tuple[Asset, ...]:
    """Files of one package."""
    return tuple(Asset(package, name) for name in names)


#: The style sheets of every page, and scripts that pages may use, in this order.
STYLES = assets(__package__, "theme.css", "base.css")
SCRIPTS = assets(__package__, "text.js", "theme.js", "symbols.js")


def styles(sheets: Iterable[Asset]) -> str:
    """The style sheets as one, in the given order."""
    return "\n".join(sheet.text() for sheet in sheets)


def bundle(scripts: Iterable[Asset]) -> str:
    """The scripts as one: a page that is opened as a file cannot load modules.

    The modules are joined in the given order, each after those that it imports from, without their import statements
    and the word "export". Their top-level names must therefore differ.
    """
    modules = (_EXPORT.sub("", _IMPORT.sub("", script.text())) for script in scripts)
    return '(function () {\n"use strict";\n' + "\n".join(modules) + "\n})();"


def embedded(value: Any) -> str:
    """``value`` as JSON that can stand in a ``<script>``: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def content_hash(text: str) -> str:
    """The source expression by which a Content-Security-Policy allows an inline script or style of this content."""
    # A browser hashes the text of an element as it stands between the tags.
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def templates(*packages: str) -> Environment:
    """The templates of packages, which escape all text and know the tables of every page ("tables.html.j2")."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(name, "templates") for name in (*packages, str(__package__))])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
