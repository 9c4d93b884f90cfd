"""Put the page together: the template, the style sheet and the scripts in one HTML file."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

from electrode_bench.report.numbers import percent, significant, unit
from electrode_bench.report.page.content import content
from electrode_bench.report.page.data import data
from electrode_bench.report.page.results import Results

#: The page's style sheets, in their order.
STYLES = ("theme.css", "style.css")

#: The page's scripts, each after those that it imports from.
SCRIPTS = (
    "input.js",
    "text.js",
    "theme.js",
    "plots.js",
    "comparison.js",
    "generalisation.js",
    "tuning.js",
    "map.js",
    "main.js",
)

_IMPORT = re.compile(r"^import [^;]*;\n", flags=re.MULTILINE)
_EXPORT = re.compile(r"^export ", flags=re.MULTILINE)


def html(results: Results, *, plotly: str) -> str:
    """The page.

    Parameters
    ----------
    results : with at least one run in ``headline``.
    plotly : plotly.js as text; the page contains it once.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    templates = PackageLoader("electrode_bench.report.page", "templates")
    environment = Environment(
        loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(n=significant, percent=percent, unit=unit)
    return environment.get_template("page.html.j2").render(
        **content(results),
        style=Markup("\n".join(map(_asset, STYLES))),
        script=Markup(bundle()),
        data=Markup(embedded(data(results))),
        plotly=Markup(plotly.replace("</script", "<\\/script")),
    )


def embedded(value: Any) -> str:
    """``value`` as JSON that can stand in a ``<script>``: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def bundle() -> str:
    """The scripts as one: a page that is opened as a file cannot load modules.

    The modules are joined in the order of :data:`SCRIPTS`, without their import statements and the word "export".
    Their top-level names must therefore differ.
    """
    modules = (_EXPORT.sub("", _IMPORT.sub("", _asset(name))) for name in SCRIPTS)
    return "\n".join(modules)


def _asset(name: str) -> str:
    return files("electrode_bench.report.page").joinpath("assets", name).read_text(encoding="utf-8")
