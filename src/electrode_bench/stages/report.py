"""report: all results -> one page that opens without a network, interactive figures, and figures for a paper."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import CONTROL
from electrode_bench.data.origin import provenance
from electrode_bench.project import Project
from electrode_bench.report import figures, page, static
from electrode_bench.tuning.record import adopted_record

_TABLES = (
    "pairs", "ranking", "by_ion", "by_cluster", "learning_curve", "leakage", "penalties", "penalty_against_distance",
    "power_laws",
)  # fmt: skip


def run(project: Project) -> Path:
    """Write the page, ``results/figures`` and the figures under ``results/map``; return the page's path.

    Raises
    ------
    UserError
        When a file is missing, or the comparison was made from other runs than those under ``results/fit``.
    """
    # Imported here: it takes a while, and nothing else needs it.
    from plotly.offline import get_plotlyjs

    results = read(project)
    synthetic = bool(results.card["synthetic"])
    map_figure = figures.map_figure(results.map, results.table, summary=project.map_summary(), synthetic=synthetic)
    figures.write_html(map_figure, project.paths.map_figure)
    figures.write_html(figures.ion_figure(results.table, synthetic=synthetic), project.paths.ions_figure)
    static.write(
        project.paths.figures,
        table=results.table,
        placed=results.map,
        headline=results.headline,
        learning_curve=results.learning_curve,
        predictions=_shown(results),
        synthetic=synthetic,
    )
    write_text(page.html(results, plotly=get_plotlyjs()), project.paths.report)
    return project.paths.report


def _shown(results: page.Results) -> dict[str, pd.DataFrame]:
    """Predictions for the parity figure: stratified as in the study, or the first protocol there is; no control."""
    protocol = "stratified" if "stratified" in results.protocols else results.protocols[0]
    return {run.title: run.predictions for run in results.runs if run.protocol == protocol and run.model != CONTROL}


def read(project: Project) -> page.Results:
    """Everything that the page shows; errors as :func:`run`."""
    headline = project.comparison("table")
    runs = project.runs()
    adoptions = {model: adoption for model in headline["model"].unique() if (adoption := project.adoption(model))}
    return page.Results(
        card=project.card(),
        origin=provenance(project.root),
        table=project.table(),
        map=project.map(),
        splits=project.split_digests(),
        runs=runs,
        headline=headline,
        adoptions=adoptions,
        sweeps={model: record for model in adoptions if (record := adopted_record(project, model))},
        **{name: project.comparison(name) for name in _TABLES},
    )
