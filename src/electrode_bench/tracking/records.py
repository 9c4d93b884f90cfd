"""What is published of a run: the run with its scores, resource usage, model, and tuning state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from electrode_bench.core.digests import digest, digest_files, digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Adoption, Run, TuningState
from electrode_bench.core.sealed import content_files
from electrode_bench.errors import UserError
from electrode_bench.evaluation.metrics import score
from electrode_bench.fitting.costs import run_resources
from electrode_bench.fitting.final import final_model
from electrode_bench.models import CannotSave
from electrode_bench.project import Project
from electrode_bench.tracking.provenance import Provenance, lock_entry_digest

#: Increase it when what is logged changes: all runs are then published again.
FORMAT = 5
#: Characters of a run's digest in its name.
DIGEST_SHOWN = 7


@dataclass(frozen=True)
class Record:
    """A run with everything that is published of it.

    Parameters
    ----------
    scores : metrics.score of the run's predictions, per fold and ``all``.
    resources : what the fit of each fold took (see fitting.resources.measured) and its device; folds may be missing.
    model : folder of the model fitted on all rows (see models.save); None publishes no model.
    calibration : of the model's prediction intervals; None where the comparison is not made yet.
    no_model : one line on why the model cannot be saved; "" when it can.
    lock_digest : digest of the run's entry in dvc.lock; None until DVC has written it.
    tuning : state (see core.results.Adoption.state), study, trial and outer fold of a tuned configuration; {} for one
        that was not tuned.
    """

    run: Run
    scores: pd.DataFrame
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: Path | None = None
    calibration: Mapping[str, Any] | None = None
    no_model: str = ""
    lock_digest: str | None = None
    tuning: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Model and protocol."""
        return f"{self.run.model} · {self.run.protocol}"

    @property
    def run_name(self) -> str:
        """The name of the run in MLflow: the digest tells configurations of the same model apart."""
        return f"{self.name} · {self.run.digests.run[:DIGEST_SHOWN]}"

    @cached_property
    def scores_by_fold(self) -> Mapping[str, pd.DataFrame]:
        """The scores of each fold, taken apart once: searching the table for each of thousands of folds takes hours."""
        return {str(fold): rows for fold, rows in self.scores.groupby("fold", sort=False)}

    def content_digest(self, provenance: Provenance) -> str:
        """SHA-256 of what the published run shows, but not of when it was made or from which commit."""
        tables, model = self._content
        return digest([FORMAT, self.run.record(), provenance.data, *tables, model, self.tuning, self.calibration])

    @cached_property
    def _content(self) -> tuple[list[str], str | None]:
        """Digests of the tables and of the model's files, read once."""
        model = None if self.model is None else digest_files(content_files(self.model))
        return [digest_frame(self.run.predictions), digest_frame(self.scores)], model


def collect(project: Project, run: Run) -> Record:
    """Everything that is published of a run of the project; see :class:`Collector`."""
    return Collector(project).collect(run)


class Collector:
    """Collects what is published of the runs of a project. What several runs share is read and made only once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._folds: dict[str, tuple[Fold, ...]] = {}
        self._models: dict[str, tuple[Path | None, str]] = {}

    def collect(self, run: Run) -> Record:
        """Everything that is published of a run. Its model is fitted on all rows if the cache lacks it.

        Raises
        ------
        UserError
            When the run's predictions are not those that it was recorded with, or it belongs to other data.
        """
        _require_own_tables(run)
        project = self.project
        if run.protocol not in self._folds:
            self._folds[run.protocol] = project.protocol_folds(run.protocol)
        model, no_model = self._model(run)
        return Record(
            run=run,
            scores=score(run.predictions, self._folds[run.protocol], self._table),
            resources=run_resources(project, run),
            model=model,
            calibration=_calibration(project, run.model),
            no_model=no_model,
            lock_digest=lock_entry_digest(project.root, run.stage),
            tuning=tuning_of(project.adoption, run),
        )

    @cached_property
    def _table(self) -> pd.DataFrame:
        return self.project.table()

    def _model(self, run: Run) -> tuple[Path | None, str]:
        """The folder of a run's model and "", or None and why it cannot be saved."""
        members = {name: member.model_dump(mode="json") for name, member in run.members.items()}
        data = [run.digests.features, run.digests.table]
        made_from = [
            run.module,
            run.config,
            run.feature_set,
            run.composition,
            run.seed,
            run.digests.code,
            data,
            members,
        ]
        key = digest(made_from)
        if key not in self._models:
            try:
                self._models[key] = final_model(self.project, run), ""
            except CannotSave as error:
                self._models[key] = None, str(error)
        return self._models[key]


def _require_own_tables(run: Run) -> None:
    if not run.has_its_tables:
        raise UserError(
            f"{run.name} has other predictions than it was recorded with; read it again, or run: dvc repro {run.stage}"
        )


def _calibration(project: Project, model: str) -> dict[str, Any] | None:
    """The calibration of a model's intervals; None before the comparison, which a run may be published before."""
    with suppress(UserError):
        return project.calibration(model)
    return None


def adoptions_of(adoption_of: Callable[[str], Adoption | None], run: Run) -> dict[str, Adoption]:
    """The adopted trials of a run's model, or of the members of an ensemble, by model; those not tuned have none.

    Parameters
    ----------
    adoption_of : which trial a model's configuration comes from.
    """
    found = ((name, adoption_of(name)) for name in run.configurations)
    return {name: adoption for name, adoption in found if adoption is not None}


def tuning_of(adoption_of: Callable[[str], Adoption | None], run: Run) -> dict[str, str]:
    """The state of a tuned configuration; for an ensemble that of its tuned members, the gravest where they differ.

    Parameters
    ----------
    adoption_of : which trial a model's configuration comes from.
    """
    adoptions = adoptions_of(adoption_of, run)
    if not adoptions:
        return {}
    states = {
        adoption.state(config=run.configurations[name], table=run.digests.table) for name, adoption in adoptions.items()
    }
    return {
        "state": next(state for state in get_args(TuningState) if state in states),
        "study": ", ".join(adoption.study for adoption in adoptions.values()),
        "trial": ", ".join(str(adoption.trial) for adoption in adoptions.values()),
        "outer_fold": ", ".join(dict.fromkeys(adoption.part for adoption in adoptions.values())),
    }
