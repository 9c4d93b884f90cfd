"""What the page and the figure of candidates show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE, VOLUMETRIC, Column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference.screened import COLUMNS, ENERGY, ENERGY_DENSITY, Screened
from electrode_bench.project import Project
from electrode_bench.report.composition_map import CompositionMap
from electrode_bench.report.style import Style, group_styles

#: What is shown of each candidate with its interval, in the order of the table.
QUANTITIES: tuple[Column, ...] = (ENERGY, VOLTAGE, GRAVIMETRIC, VOLUMETRIC, ENERGY_DENSITY)

#: Rejected lines that are shown; further ones are only counted.
MOST_REJECTS = 100

#: Columns of a user's file that name a candidate, the best first, in any letter case.
NAME_COLUMNS = ("name", "label", "title", "sample", "id")


@dataclass(frozen=True)
class Reject:
    """A line of the user's list that cannot be used."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """A screening with what is known of its model.

    Attributes
    ----------
    screened : at least one candidate.
    model : the model's name for people.
    known : the map of known electrodes; None where the project has none.
    rejects : the lines that could not be used; further ones are only counted.
    about : where the numbers come from, by heading, such as "Data release".
    synthetic : whether the page must say that the model was fitted on synthetic data.
    """

    screened: Screened
    model: str
    known: CompositionMap | None = None
    rejects: tuple[Reject, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = False

    @property
    def rows(self) -> pd.DataFrame:
        """One row for each candidate, best first; lines that repeat one are left out."""
        best = self.screened.best
        return best[best["duplicate_of"].isna()].reset_index(drop=True)

    @property
    def repeats(self) -> dict[int, list[int]]:
        """The lines that repeat a candidate, by its line."""
        again = self.screened.best.dropna(subset=["duplicate_of"])
        lines: dict[int, list[int]] = {}
        for line, repeat in zip(again["duplicate_of"], again["line"], strict=True):
            lines.setdefault(int(line), []).append(int(repeat))
        return lines

    @property
    def own_columns(self) -> list[str]:
        """The user's own columns."""
        return [str(column) for column in self.screened.best if column not in COLUMNS]

    @property
    def name_column(self) -> str | None:
        """The user's column that names the candidates, if there is one."""
        by_name = {column.strip().lower(): column for column in reversed(self.own_columns)}
        return next((by_name[name] for name in NAME_COLUMNS if name in by_name), None)

    def names(self) -> list[str]:
        """What each candidate is called: its name if the user gave one, else its formula."""
        rows, column = self.rows, self.name_column
        formulas = [str(formula) for formula in rows["formula"]]
        if column is None:
            return formulas
        return [
            formula if pd.isna(name) or not str(name).strip() else str(name).strip()
            for name, formula in zip(rows[column], formulas, strict=True)
        ]

    def ion_styles(self) -> dict[str, Style]:
        """How the candidates of each working ion are drawn, the most frequent ion first."""
        counts = self.rows["working_ion"].value_counts()
        ions = sorted((str(ion) for ion in counts.index), key=lambda ion: (-int(counts[ion]), ion))
        return dict(zip(ions, group_styles(len(ions)), strict=True))

    def places(self) -> list[tuple[float, float] | None]:
        """Where each candidate lies on the map of known electrodes; None where it cannot be placed.

        The map shows only what it was made from: t-SNE and UMAP on distances have no place for a new composition. So a
        candidate is drawn at the known composition that is nearest to it (ElMD).
        """
        rows = self.rows
        if self.known is None:
            return [None] * len(rows)
        placed = self.known.placed
        at = dict(zip(placed["formula_discharge"], zip(placed["x"], placed["y"], strict=True), strict=True))
        by_composition = {chemistry.canonical(formula): place for formula, place in at.items()}
        return [
            None if pd.isna(nearest) else by_composition.get(chemistry.canonical(nearest))
            for nearest in rows["nearest"]
        ]


def known_map(project: Project | None) -> CompositionMap | None:
    """The map of a project's known electrodes; None without a project, and where it was not computed."""
    if project is None:
        return None
    try:
        return CompositionMap.of(project.map(), project.table())
    except UserError:
        return None


def read_rejects(path: Path) -> tuple[Reject, ...]:
    """The first lines of a file of rejected lines (line, formula, reason)."""
    rows = pd.read_csv(path, nrows=MOST_REJECTS, dtype={"formula": str}, keep_default_na=False)
    return tuple(
        Reject(int(line), str(text), str(reason))
        for line, text, reason in rows[["line", "formula", "reason"]].itertuples(index=False)
    )


def sources(model: str, *, data: Mapping[str, Any], code: Mapping[str, Any], ordered_by: str) -> dict[str, str]:
    """Where the numbers come from, by heading.

    Parameters
    ----------
    data : source, release and md5 of the data that the model was fitted on, as far as they are known.
    code : version and commit of this package.
    ordered_by : what the candidates are ordered by.
    """
    commit = f", commit {code['commit'][:12]}" if code.get("commit") else ""
    changed = " with changes" if code.get("modified") else ""
    known = {
        "Model": model,
        "Order": ordered_by,
        "Data": _data_text(data),
        "Code": f"electrode-bench {code['version']}{commit}{changed}",
    }
    return {heading: text for heading, text in known.items() if text}


def _data_text(data: Mapping[str, Any]) -> str:
    # A page that is passed on names the file, not the folder on someone's machine.
    source = PurePath(str(data.get("source", ""))).name
    named = [f"{name} {data[name]}" for name in ("release", "md5") if data.get(name)]
    return ", ".join([source, *named] if source else named)
