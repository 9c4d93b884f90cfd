"""report: all results -> one page that opens without a network, interactive figures, and figures for a paper."""

from __future__ import annotations

from pathlib import Path

from electrode_bench.core.artifacts import write_text
from electrode_bench.project import Project
from electrode_bench.report import figures, static
from electrode_bench.report.page.build import html
from electrode_bench.report.page.results import Results


def run(project: Project) -> Path:
    """Write the page, ``results/figures`` and the interactive figures under ``results/map``; return the page's path.

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
        synthetic=synthetic,
        coverage=results.coverage,
        rejection=results.rejection,
        main_protocol=results.main_protocol,
    )
    write_text(html(results, plotly=get_plotlyjs()), project.paths.report)
    return project.paths.report
