"""The app's pages, style sheet and scripts."""

from __future__ import annotations

from functools import cache

from electrode_bench.app.limits import Limits
from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.inference.screened import OBJECTIVES, RANKS
from electrode_bench.report.candidates import build as candidates
from electrode_bench.report.numbers import unit
from electrode_bench.report.web import files

_PACKAGE = "electrode_bench.app"

#: The style sheets, in their order.
STYLES = (*candidates.STYLES, *files.assets(_PACKAGE, "app.css"))

#: The scripts of the app, each after those that it imports from.
SCRIPTS = (*candidates.VIEW, *files.assets(_PACKAGE, "requests.js", "answer.js", "lines.js", "list.js", "app.js"))

#: The scripts of the login page.
LOGIN_SCRIPTS = (*files.SCRIPTS, *files.assets(_PACKAGE, "requests.js", "login.js"))


def main(limits: Limits) -> str:
    """The page with the form and the results."""
    template = files.templates(_PACKAGE, "electrode_bench.report.candidates").get_template("app.html.j2")
    return template.render(
        limits=limits,
        most_megabytes=f"{limits.bytes * 3 / 4 / 1e6:.0f}",
        objectives=[(key, f"{column.label} ({unit(column)})") for key, column in OBJECTIVES.items()],
        ions=list(ION_CHARGE),
        ranks=list(RANKS.items()),
    )


def login() -> str:
    """The page that asks for the token."""
    return files.templates(_PACKAGE).get_template("login.html.j2").render()


@cache
def style() -> str:
    """The style sheet of all pages."""
    return files.styles(STYLES)


@cache
def script() -> str:
    """The script of the main page."""
    return files.bundle(SCRIPTS)


@cache
def login_script() -> str:
    """The script of the login page."""
    return files.bundle(LOGIN_SCRIPTS)
