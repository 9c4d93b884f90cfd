"""report: all results -> one page that opens without a network, interactive figures, and figures for a paper."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.project import Project
from electrode_bench.report import figures, static
from electrode_bench.report.costs import error_and_cost
from electrode_bench.report.page.build import pages
from electrode_bench.report.page.results import Results


def run(project: Project, costs: pd.DataFrame | None = None) -> Path:
    """Write the page, ``results/figures`` and the interactive figures under ``results/map``; return the page's path.

    Parameters
    ----------
    costs : what folds took, by model and protocol (:func:`electrode_bench.fitting.costs.fold_costs`). The page that
        shows them is written beside the other one, which is the same on every machine. None, or a table without rows,
        writes no such page and removes an earlier one.

    Raises
    ------
    UserError
        When results are missing or do not belong together.
    """
    # Imported here: it takes a while, and nothing else needs it.
    from plotly.offline import get_plotlyjs

    results, summary = Results.of(project), project.map_summary()
    synthetic = bool(results.card["synthetic"])
    map_figure = figures.map_figure(results.map, results.table, summary=summary, synthetic=synthetic)
    figures.write_html(map_figure, project.paths.map_figure)
    figures.write_html(figures.ion_figure(results.table, synthetic=synthetic), project.paths.ions_figure)
    static.write(
        project.paths.figures,
        table=results.table,
        map_frame=results.map,
        headline=results.headline,
        learning_curve=results.learning_curve,
        predictions=results.predictions(results.study_protocol),
        predicted_under=results.study_protocol,
        synthetic=synthetic,
        coverage=results.coverage,
        rejection=results.rejection,
        main_protocol=results.main_protocol,
    )
    measured = None if costs is None or costs.empty else error_and_cost(results.headline, costs)
    page, with_costs = pages(results, plotly=get_plotlyjs(), costs=measured)
    write_text(page, project.paths.report)
    if with_costs is None:
        project.paths.report_with_costs.unlink(missing_ok=True)
    else:
        write_text(with_costs, project.paths.report_with_costs)
    return project.paths.report
