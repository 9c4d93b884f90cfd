"""Fixtures: small hyperparameter studies, on made-up electrodes and on a finished project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.features import featurize
from electrode_bench.fitting.executor import Local
from electrode_bench.models.search_space import Choice, Int
from electrode_bench.params import Sweep
from electrode_bench.project import Project
from electrode_bench.tuning import driver
from electrode_bench.tuning.params_file import comment_preserving_yaml
from electrode_bench.tuning.storage import OpenedStudy, open_study
from electrode_bench.tuning.study import OuterTrainingSet, StudySpec, TrialResult
from support import ROOT, fresh_store, small_sweeps

SPACE = {"n_estimators": Int(2, 6), "min_samples_leaf": Int(1, 4), "targets": Choice(("separate", "joint"))}


class RecordingLogger:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.results: list[TrialResult] = []
        self.lost: list[tuple[int, str]] = []

    def on_trial_start(self, number: int, config: Strict) -> str | None:  # noqa: ARG002
        self.started.append(number)
        return f"run-{number}"

    def on_trial_end(self, result: TrialResult) -> None:
        self.results.append(result)

    def on_trial_lost(self, number: int, reason: str) -> None:
        self.lost.append((number, reason))


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


@pytest.fixture
def dead_process() -> int:
    """The id of a process that has ended."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(ended.stdout)


def run_study(spec: StudySpec, url: str, logger: RecordingLogger, *, trials: int, workers: int = 1) -> OpenedStudy:
    """Open the study of a specification and run its trials on this machine."""
    opened = open_study(spec, url=url, trials=trials)
    driver.run_trials(spec, opened.study, url=url, trials=trials, seconds=None, executor=Local(workers), logger=logger)
    return opened


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
def make_spec() -> Callable[..., StudySpec]:
    """Makes the specification of a study of 64 made-up electrodes in two inner folds."""
    formulas, targets = electrodes()

    def make(
        model: str | models.ModelSpec = "rf_magpie",
        *,
        space: Any = None,
        base: Any = None,
        seed: int = 1,
        **options: Any,
    ) -> StudySpec:
        spec = models.spec(model) if isinstance(model, str) else model
        frame = featurize(formulas.rename(FORMULA).to_frame(), feature_set=str(spec.feature_set))
        ids = np.array(formulas.index)
        inner = [
            Fold("grouped", f"fold-{i}", tuple(ids[np.arange(len(ids)) % 2 != i]), tuple(ids[i::2])) for i in range(2)
        ]
        outer = OuterTrainingSet("grouped/fold-0", frame, targets, tuple(inner))
        config = models.configure(spec, base or {"n_estimators": 4})
        return StudySpec(spec, config, SPACE if space is None else space, Sweep(**options), outer, seed)

    return make


@pytest.fixture(scope="session")
def make_project(finished: Project, fresh: Path) -> Callable[[Path], Project]:
    """Makes a finished project in a folder, whose params.yaml allows sweeps of the forest that take seconds."""

    def make(folder: Path) -> Project:
        project = _project(finished, folder)
        fresh_store.given(fresh, project)
        return project

    return make


@pytest.fixture
def project(make_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    return make_project(tmp_path)


def _project(finished: Project, folder: Path) -> Project:
    project = Project(folder / "project")
    shutil.copytree(finished.root, project.root, ignore=shutil.ignore_patterns("mlruns", ".cache"))
    yaml = comment_preserving_yaml()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["sweep"] |= {"folds": 2, "spaces": {"rf_magpie": small_sweeps.SPACE}}
    # Whatever a sweep on real data has found since: these tests tune the forest as the study has it.
    forest, spec = values["models"]["rf_magpie"], models.spec("rf_magpie")
    plain = models.configure(spec, {"n_estimators": 50}).model_dump(mode="json")
    forest |= {key: value for key, value in plain.items() if key in forest}
    yaml.dump(values, project.paths.params)
    return project
