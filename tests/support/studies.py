"""Fixtures: small hyperparameter studies, on made-up electrodes and on a finished project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from electrode_bench import models
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.features import featurize
from electrode_bench.models import rf_magpie
from electrode_bench.models.search_space import Choice, Int
from electrode_bench.params import Sweep
from electrode_bench.project import Layout
from electrode_bench.tasks.tune import round_trip
from electrode_bench.tuning.study import Outcome, Part, Setting
from support import ROOT, fresh_store, small_sweeps

SPACE = {"n_estimators": Int(2, 6), "min_samples_leaf": Int(1, 4), "targets": Choice(("separate", "joint"))}


class Notes:
    """A book that keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.outcomes: list[Outcome] = []
        self.given_up: list[tuple[int, str]] = []

    def began(self, trial: Any, config: Any) -> None:  # noqa: ARG002
        self.started.append(trial.number)

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def lost(self, number: int, reason: str) -> None:
        self.given_up.append((number, reason))


@pytest.fixture
def notes() -> Notes:
    return Notes()


def electrodes() -> tuple[pd.Series, pd.DataFrame]:
    """Formulas and targets of 64 made-up electrodes, by id; the voltage depends on the metal, capacities on oxygen."""
    metals = {"Co": 4.0, "Ni": 3.5, "Mn": 3.0, "Fe": 2.5}
    rows = [(m, a, b, o) for m in metals for a in (1, 2) for b in (1, 2) for o in (2, 3, 4, 5)]
    rng = np.random.default_rng(0)
    formulas = pd.Series([f"Li{a}{m}{b}O{o}" for m, a, b, o in rows], index=[f"e{i:02}" for i in range(len(rows))])
    noise = rng.normal(0, 0.05, (len(rows), 3))
    values = [(100.0 * a / o, 300.0 * a / b, metals[m]) for m, a, b, o in rows]
    return formulas, pd.DataFrame(values + noise, index=formulas.index, columns=list(TARGETS))


@pytest.fixture(scope="session")
def make_setting() -> Callable[..., Setting]:
    formulas, targets = electrodes()

    def make(model: str = "rf_magpie", *, space: Any = None, base: Any = None, seed: int = 1, **how: Any) -> Setting:
        spec = models.spec(model)
        frame = featurize(formulas.rename(FORMULA).to_frame(), feature_set=str(spec.feature_set))
        ids = np.array(formulas.index)
        inner = [
            Fold("grouped", f"fold-{i}", tuple(ids[np.arange(len(ids)) % 2 != i]), tuple(ids[i::2])) for i in range(2)
        ]
        part = Part("grouped/fold-0", frame, targets, tuple(inner))
        config = models.configure(model, base or {"n_estimators": 4})
        return Setting(spec, config, SPACE if space is None else space, Sweep(**how), part, seed)

    return make


@pytest.fixture(scope="session")
def make_project(finished: Layout, fresh: Path) -> Callable[[Path], Layout]:
    """Makes a finished project in a folder, whose params.yaml allows sweeps of the forest that take seconds."""

    def make(folder: Path) -> Layout:
        layout = _project(finished, folder)
        fresh_store.given(fresh, layout)
        return layout

    return make


@pytest.fixture
def project(make_project: Callable[[Path], Layout], tmp_path: Path) -> Layout:
    return make_project(tmp_path)


def _project(finished: Layout, folder: Path) -> Layout:
    layout = Layout(folder / "project")
    shutil.copytree(finished.root, layout.root, ignore=shutil.ignore_patterns("mlruns", ".cache"))
    yaml = round_trip()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["sweep"] |= {"folds": 2, "spaces": {"rf_magpie": small_sweeps.SPACE}}
    forest = values["models"]["rf_magpie"]
    # Whatever a sweep on real data has found since: these tests tune the forest as the study has it.
    forest.pop("adopted", None)
    forest |= {k: v for k, v in rf_magpie.Config(n_estimators=50).model_dump(mode="json").items() if k in forest}
    yaml.dump(values, layout.params)
    return layout
