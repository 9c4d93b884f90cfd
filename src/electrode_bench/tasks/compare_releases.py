"""Comparing two releases of the data: electrodes, labels, and errors on the electrodes that both have."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import write_csv
from electrode_bench.core.results import Run
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.data.releases.difference import Difference, difference
from electrode_bench.data.releases.matching import By
from electrode_bench.data.releases.sides import Side, fitted_on, side
from electrode_bench.errors import UserError
from electrode_bench.evaluation.releases import rescored
from electrode_bench.report import drawing
from electrode_bench.report.releases_figure import draw

#: Endings of the figure's file.
FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True)
class Releases:
    """Two releases side by side.

    Attributes
    ----------
    old, new : the two tables.
    difference : what changed between them.
    scores : see :func:`~electrode_bench.evaluation.releases.rescored`; None where a side has no results.
    notes : what a reader must know, one sentence each.
    """

    old: Side
    new: Side
    difference: Difference
    scores: pd.DataFrame | None
    notes: Sequence[str]

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What is written as CSV, by the name of the file."""
        tables = {
            "electrodes": self.difference.electrodes,
            "by_ion": self.difference.by_ion,
            "changes": self.difference.changes,
        }
        return tables if self.scores is None else {**tables, "scores": self.scores}


def compare(
    root: Path,
    old: str,
    new: str | None,
    *,
    by: By | None = None,
    csv: Path | None = None,
    figure: Path | None = None,
) -> Releases:
    """Compare two releases; the project is not changed.

    Parameters
    ----------
    old, new : what :func:`~electrode_bench.data.releases.sides.side` takes; None is the project in ``root``.
    by : what electrodes are matched by; None takes their ids, or their formulas if no id is in both.
    csv : a folder that tables are written to: electrodes, by_ion, changes and scores.
    figure : a file that ends in .svg, .png or .pdf.

    Raises
    ------
    UserError
        When a side cannot be read, or a file has another ending.
    """
    if figure is not None and figure.suffix.lower().removeprefix(".") not in FORMATS:
        raise UserError(f"{figure} must end in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}")
    if csv is not None and csv.exists() and not csv.is_dir():
        raise UserError(f"{csv} is not a folder; name one for the tables")
    with tempfile.TemporaryDirectory(prefix="electrode-bench-") as name:
        sides = []
        for which, named in (("old", old), ("new", new)):
            (folder := Path(name) / which).mkdir()
            sides.append(side(root, named, folder))
        before, after = sides
        found = difference(before.table, after.table, by=by)
        scores, why = _scores(before, after, found)
    notes = [*_about(before), *_about(after), *found.notes(), *why]
    releases = Releases(before, after, found, scores, notes)
    if csv is not None:
        for name, table in releases.tables.items():
            write_csv(table, csv / f"{name}.csv")
    if figure is not None:
        suffix = figure.suffix.lower().removeprefix(".")
        synthetic = before.synthetic or after.synthetic
        drawing.save(
            lambda: draw(found, scores, old=before.name, new=after.name),
            figure.with_suffix(""),
            synthetic=synthetic,
            formats=[suffix],
        )
    return releases


def _about(of: Side) -> list[str]:
    found = [f"{of.name}: {message}" for message in of.steps.messages()]
    return [*found, f"{of.name}: {SYNTHETIC_NOTICE}"] if of.synthetic else found


def _scores(old: Side, new: Side, found: Difference) -> tuple[pd.DataFrame | None, list[str]]:
    """The errors of both sides' models; None where a side has none, and if it could have, why."""
    if old.project is None and new.project is None:
        return None, []
    runs, why = {}, []
    for name, of in (("old", old), ("new", new)):
        try:
            runs[name] = _runs(of)
        except UserError as error:
            why.append(f"Errors are not compared: {of.name}: {error}")
    if why:
        return None, why
    pairs = found.same_input()
    labels = {name: of.table.set_index(ID)[list(TARGETS)] for name, of in (("old", old), ("new", new))}
    scores = rescored(runs, pairs, labels, new.table.set_index(ID)[FORMULA])
    if scores.empty:
        return None, ["Errors are not compared: no model was tested on an electrode of both releases, in both results"]
    return scores, []


def _runs(of: Side) -> list[Run]:
    if of.project is None:
        raise UserError(
            "it has no fitted results; name the folder of a project, or a commit with results in DVC's cache"
        )
    if not fitted_on(of.project, of.table):
        raise UserError("its results belong to other data than it has now; run: dvc repro")
    return of.project.runs()
