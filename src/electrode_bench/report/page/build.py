"""Put the page together: the template, the style sheet and the scripts in one HTML file."""

from __future__ import annotations

import pandas as pd

from electrode_bench.report.numbers import percent, significant, unit
from electrode_bench.report.page.content import content, with_costs
from electrode_bench.report.page.data import costs as drawn_costs
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
        _PACKAGE, "input.js", "labels.js", "palette.js", "plots.js", "comparison.js", "groups.js", "costs.js",
        "generalisation.js", "tuning.js", "map.js", "sections.js", "tables.js", "main.js",
    ),
)  # fmt: skip


def html(results: Results, *, plotly: str) -> str:
    """The page without costs, which is the same on every machine; see :func:`pages`."""
    page, _ = pages(results, plotly=plotly)
    return page


def pages(results: Results, *, plotly: str, costs: pd.DataFrame | None = None) -> tuple[str, str | None]:
    """The page, and the same page with what the fits took.

    Parameters
    ----------
    results : with at least one run in ``headline``.
    plotly : plotly.js as text; each page contains it once.
    costs : error and cost of the models (:func:`electrode_bench.report.costs.error_and_cost`); None for no second page.
    """
    from markupsafe import Markup

    environment = files.templates(_PACKAGE)
    environment.globals.update(n=significant, percent=percent, unit=unit)
    template = environment.get_template("page.html.j2")
    # What both have is made once.
    shown, drawn = content(results), data(results)
    fixed = {
        "style": Markup(files.styles(STYLES)),
        "script": Markup(files.bundle(SCRIPTS)),
        "plotly": Markup(plotly.replace("</script", "<\\/script")),
    }
    page = template.render(**shown, **fixed, data=Markup(files.embedded(drawn)))
    if costs is None:
        return page, None
    measured = {**shown, **with_costs(results, costs)}
    values = files.embedded({**drawn, "costs": drawn_costs(costs)})
    return page, template.render(**measured, **fixed, data=Markup(values))
