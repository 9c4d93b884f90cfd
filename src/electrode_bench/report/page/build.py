"""Put the page together: the template, the style sheet and the scripts in one HTML file."""

from __future__ import annotations

from electrode_bench.report.numbers import percent, significant, unit
from electrode_bench.report.page.content import content
from electrode_bench.report.page.data import data
from electrode_bench.report.page.results import Results
from electrode_bench.report.web import files

_PACKAGE = "electrode_bench.report.page"

#: The page's style sheets, in their order.
STYLES = (*files.STYLES, *files.assets(_PACKAGE, "style.css"))

#: The page's scripts, each after those that it imports from.
SCRIPTS = (
    *files.SCRIPTS,
    *files.assets(
        _PACKAGE, "input.js", "labels.js", "plots.js", "comparison.js", "generalisation.js", "tuning.js", "map.js",
        "main.js",
    ),
)  # fmt: skip


def html(results: Results, *, plotly: str) -> str:
    """The page.

    Parameters
    ----------
    results : with at least one run in ``headline``.
    plotly : plotly.js as text; the page contains it once.
    """
    from markupsafe import Markup

    environment = files.templates(_PACKAGE)
    environment.globals.update(n=significant, percent=percent, unit=unit)
    return environment.get_template("page.html.j2").render(
        **content(results),
        style=Markup(files.styles(STYLES)),
        script=Markup(files.bundle(SCRIPTS)),
        data=Markup(files.embedded(data(results))),
        plotly=Markup(plotly.replace("</script", "<\\/script")),
    )
