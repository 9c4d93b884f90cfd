"""The data and the projects that benchmarks run on: synthetic rows of any number, or a snapshot of real ones."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.synthetic import electrodes, sample_generator
from electrode_bench.core.schema import FORMULA, ION_CHARGE
from electrode_bench.project import Project

ROOT = Path(__file__).parents[1]
#: Rows of release 2023.11.1 of the Materials Project's Battery Explorer.
REAL_ROWS = 4351
_SEED = 17
_ELEMENT = re.compile(r"[A-Z][a-z]?")


def synthetic_snapshot(rows: int, to: Path) -> Path:
    """Write this many synthetic rows to ``to`` (CSV); returns it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(sample_generator().as_csv(electrodes(rows, _SEED)), encoding="utf-8", newline="\n")
    return to


def distinct_formulas(number: int, folder: Path) -> list[str]:
    """This many distinct formulas of discharged electrodes, each with one working ion, so that none has to be named.

    Three rows in ten repeat a formula. The amount of the first element is changed until there are enough, which keeps
    the number of elements.
    """
    every = pd.read_csv(synthetic_snapshot(10_000, folder / "formulas.csv"))["Formula Discharge"].unique()
    known = [formula for formula in every if len(ION_CHARGE.keys() & _ELEMENT.findall(formula)) == 1]
    first = [_ELEMENT.match(formula) for formula in known]
    varied = (
        f"{formula}{element[0]}{more}" if more else formula
        for more in itertools.count()
        for formula, element in zip(known, first, strict=True)
        if element
    )
    return list(itertools.islice(varied, number))


def new_project(folder: Path, snapshot: Path, changes: Mapping[str, Any] | None = None) -> Project:
    """A project without results on a snapshot (CSV of the Battery Explorer), with the repository's params.yaml.

    Parameters
    ----------
    changes : values of sections of params.yaml, by section.
    """
    project = Project(folder)
    project.paths.data.mkdir(parents=True)
    shutil.copy(snapshot, project.paths.data / snapshot.name)
    shutil.copy(ROOT / "data.dvc", project.paths.data_dvc)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, changed in (changes or {}).items():
        values[section] |= changed
    project.paths.params.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return project


class Workspace:
    """A temporary folder, and the project in it that several parts share.

    Parameters
    ----------
    folder : where everything is made.
    snapshot : a CSV of the Battery Explorer; None takes synthetic rows.
    rows : how many of them.
    """

    def __init__(self, folder: Path, *, snapshot: Path | None, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self._snapshot = snapshot

    @cached_property
    def snapshot(self) -> Path:
        """The snapshot that was named, or one of synthetic rows."""
        return self._snapshot or synthetic_snapshot(self.rows, self.folder / "snapshot.csv")

    @property
    def data(self) -> str:
        """What the rows are, in a few words."""
        return f"{self._snapshot.stem}" if self._snapshot else f"{self.rows:,} synthetic rows"

    @cached_property
    def project(self) -> Project:
        """A project of the snapshot with features, map and folds. It is made by the first part that asks for it."""
        from benchmarks.parts import stages

        project = new_project(self.folder / "project", self.snapshot)
        for _ in stages.until_split(project, runs=1):
            pass
        return project

    def formulas(self) -> list[str]:
        """The distinct discharged formulas of the shared project."""
        return sorted(set(self.project.table()[FORMULA]))
