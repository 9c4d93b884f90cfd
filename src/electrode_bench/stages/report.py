"""report: all results -> one page that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.data import sources
from electrode_bench.errors import UserError
from electrode_bench.project import Layout, read_json, read_table
from electrode_bench.report import page, static
from electrode_bench.tasks import show
from electrode_bench.tuning import record_file as sweep_record

#: Columns of the tables that may be empty, as long as nothing but their header is read from them.
_MAYBE_EMPTY = {
    "pairs": ["protocol", "target", "model", "other", "mae", "other_mae", "difference", "low", "high", "different"],
    "ranking": ["protocol", "target", "rank", "model", "mae", "beats_control", "like_best"],
    "learning_curve": ["model", "target", "metric", "n_train", "value", "spread", "repeats"],
    "leakage": ["model", "target"],
    "penalties": ["model", "target"],
    "penalty_against_distance": ["model", "target"],
    "power_laws": ["model", "target"],
}


def run(layout: Layout) -> Path:
    """Write ``results/report/index.html`` and ``results/figures`` from the files of the other stages; give its path.

    Raises
    ------
    UserError
        When a file is missing, or the comparison is of other predictions than those under ``results/fit``.
    """
    # Imported here: it takes a while, and nothing else needs it.
    from plotly.offline import get_plotlyjs

    results = read(layout)
    shown = _shown(results)
    static.write(
        layout.figures,
        table=results.table,
        placed=results.map,
        headline=results.headline,
        learning_curve=results.learning_curve,
        predictions=shown,
        synthetic=bool(results.card["synthetic"]),
    )
    write_text(page.html(results, plotly=get_plotlyjs()), layout.report)
    return layout.report


def _shown(results: page.Results) -> dict[str, pd.DataFrame]:
    """Predictions for the parity figure: stratified as in the study, or the first protocol there is; no control."""
    protocols = [str(cell.about["protocol"]) for cell in results.cells]
    protocol = "stratified" if "stratified" in protocols else protocols[0]
    return {
        str(cell.about["title"]): cell.predictions
        for cell in results.cells
        if cell.about["protocol"] == protocol and cell.about["model"] != CONTROL
    }


def read(layout: Layout) -> page.Results:
    """Everything that the page shows; errors as :func:`run`."""
    headline = show.headline(layout)
    splits = dict(read_json(layout.split_digest, stage="split")["protocols"])
    cells = []
    for row in headline.to_dict("records"):
        model, protocol = str(row["model"]), str(row["protocol"])
        stage = f"fit@{model}-{protocol}"
        about = read_json(layout.cell(model, protocol), stage=stage)
        cell = page.Cell(about, read_table(layout.predictions(model, protocol), stage=stage))
        if about["digests"]["split"] != splits.get(protocol):
            raise UserError(f"{model} under {protocol} was fitted on another split; run: dvc repro")
        for target in TARGETS:
            _same(cell, target, expected=float(row[f"{target}/mae"]))
        cells.append(cell)
    return page.Results(
        card=read_json(layout.card, stage="prepare"),
        origin=sources.provenance(layout.root),
        table=read_table(layout.table, stage="prepare"),
        map=read_table(layout.map, stage="map"),
        splits=splits,
        cells=cells,
        headline=headline,
        sweeps=records(layout, cells),
        by_ion=show.comparison(layout, "by_ion"),
        by_cluster=show.comparison(layout, "by_cluster"),
        **{name: show.comparison(layout, name, columns=columns) for name, columns in _MAYBE_EMPTY.items()},
    )


def records(layout: Layout, cells: Sequence[page.Cell]) -> dict[str, dict[str, Any]]:
    """By model, the record of the study that its configuration was adopted from; without one where it is of another."""
    out = {}
    for model, tuning in {str(c.about["model"]): c.about["tuning"] for c in cells if "tuning" in c.about}.items():
        found = sweep_record.read(layout.sweep_record(model))
        if found is not None and found["study"] == tuning["study"]:
            out[model] = found
    return out


def _same(cell: page.Cell, target: str, *, expected: float) -> None:
    """Refuse a comparison of other predictions: the page would show plots that its tables are not about."""
    rows = page.headline_rows(cell)
    rows = rows[rows["target"] == target]
    mae = float((rows["y_pred"] - rows["y_true"]).abs().groupby(rows["fold"]).mean().mean())
    if not np.isclose(mae, expected, rtol=1e-8):
        name = f"{cell.about['model']} under {cell.about['protocol']}"
        raise UserError(f"results/compare is of other predictions of {name} than results/fit; run: dvc repro compare")
