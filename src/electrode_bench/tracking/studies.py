"""Studies in MLflow: one run per study and, below it, one run per trial, written in few requests.

The study in Optuna's storage is the original and MLflow shows it: a run and its trial name each other (``run_id`` with
the stored trial, ``study`` and ``trial`` in the run's tags).
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from electrode_bench.core.addresses import masked
from electrode_bench.core.artifacts import write_csv, write_json, write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.process import DriverProcess
from electrode_bench.core.schema import TARGETS
from electrode_bench.models import search_space
from electrode_bench.tracking import study_notes
from electrode_bench.tracking.batches import BATCH, log, log_files
from electrode_bench.tracking.fields import flag, flat
from electrode_bench.tracking.links import run_link
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.store import Store, experiment_id
from electrode_bench.tuning import looks
from electrode_bench.tuning.assess import HELD_OUT, MEAN
from electrode_bench.tuning.driver import signals_held
from electrode_bench.tuning.plots import plots_page
from electrode_bench.tuning.storage import OpenedStudy
from electrode_bench.tuning.stored_study import StoredStudy, StoredTrial
from electrode_bench.tuning.study import StudySpec, TrialResult
from electrode_bench.tuning.summary import summarise, trial_table

#: How long a driver waits for the one that created the study to create its run, in seconds.
_PATIENCE = 60.0

_EXPERIMENT_NOTE = (
    "One run per study: open it for its best trial, the list of its trials, plots, and how to adopt a trial. "
    "`+` beside it unfolds the trials, and *Show more columns* has their values and parameters."
)

_SOURCE = {"mlflow.source.name": "electrode-bench sweep", "mlflow.source.type": "LOCAL"}

#: Metrics of a study's run, by their names in the summary.
_METRICS = {
    "best": "best",
    "configured": "configured",
    "trials": "trials/ended",
    "complete": "trials/complete",
    "pruned": "trials/pruned",
    "failed": "trials/failed",
    "given_up": "trials/given_up",
    "seconds": "resources/seconds",
    "pruned_seconds": "resources/pruned_seconds",
    "saved_seconds": "resources/saved_seconds",
}


def experiment_name(model: str) -> str:
    """The experiment that holds the studies of a model."""
    return f"sweeps/{model}"


class MLflowStudyLogger:
    """Writes one driver's trials to MLflow; a ``tuning.driver.StudyLogger``."""

    def __init__(self, store: Store, spec: StudySpec, opened: OpenedStudy, *, provenance: Provenance, url: str) -> None:
        self.store, self.spec, self.study, self.provenance = store, spec, opened.study, provenance
        with store.lock:
            name = experiment_name(spec.model.name)
            self.experiment = experiment_id(store.client, name, uri=store.uri, note=_EXPERIMENT_NOTE)
        self._driver = json.dumps(DriverProcess.this_process().as_json())
        self.parent = self._parent(opened, url=url)
        self._runs: dict[int, str] = {}
        #: Seconds that this driver has spent on MLflow.
        self.seconds = 0.0

    @property
    def url(self) -> str:
        """The page of the study's run."""
        return f"{self.store.base()}/{run_link(self.experiment, self.parent)}"

    def on_trial_start(self, number: int, config: Strict) -> str:  # noqa: ARG002 (written at the trial's end)
        began = time.perf_counter()
        study_link = f"[{self.study.name}]({run_link(self.experiment, self.parent)})"
        tags = {
            "mlflow.runName": f"trial {number:04d}",
            "mlflow.parentRunId": self.parent,
            "kind": "trial",
            "model": self.spec.model.name,
            "study": self.study.name,
            "trial": str(number),
            "part": self.spec.outer.name,
            "seed": str(self.spec.seed),
            "state": "running",
            "mlflow.note.content": (
                f"Trial {number} of {study_link}: {self.spec.model.title}, tuned on the training rows of "
                f"`{self.spec.outer.name}`."
            ),
            "driver": self._driver,
            **_SOURCE,
        }
        run_id: str = self.store.client.create_run(self.experiment, tags=tags).info.run_id
        self._runs[number] = run_id
        self.seconds += time.perf_counter() - began
        return run_id

    def on_trial_end(self, result: TrialResult) -> None:
        began = time.perf_counter()
        run_id, trial = self._runs.pop(result.number, None), self.study.trial(result.number)
        if run_id is not None and trial is not None:
            close_trial(self.store, run_id, trial, result)
        self.seconds += time.perf_counter() - began

    def on_trial_lost(self, number: int, reason: str) -> None:
        run_id = self._runs.pop(number, None)
        if run_id is not None:
            close_lost_trial(self.store, run_id, self.study.trial(number), reason=reason)

    def on_study_end(self, *, status: str) -> dict[str, Any]:
        """Write the study's summary (which is returned) and plots, and close its run."""
        with signals_held():
            return self._on_study_end(status)

    def _on_study_end(self, status: str) -> dict[str, Any]:
        summary, best = summarise(self.study), self.study.best()
        metrics = {name: float(summary[key]) for key, name in _METRICS.items() if key in summary}
        metrics["resources/tracking_seconds"] = self.seconds
        tags = {"mlflow.note.content": study_notes.study_note(self.study, summary, experiment=self.experiment)}
        if best is not None:
            tags |= {"best_trial": str(best.number), "best_run_id": best.run_id or ""}
        log(self.store.client, self.parent, metrics=metrics, tags=tags)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_csv(trial_table(self.study), folder / "trials.csv")
            about = {"identity": self.spec.identity, "space": search_space.as_json(self.spec.space)}
            write_json(about, folder / "study.json")
            write_text(plots_page(self.study), folder / "plots.html")
            log_files(self.store.client, self.parent, folder)
        if not self.study.is_running():
            # Otherwise another driver is at work, and closes the run when it ends.
            self.store.client.set_terminated(self.parent, status)
        return summary

    def _parent(self, opened: OpenedStudy, *, url: str) -> str:
        """The study's run: created by the driver that created the study, and awaited by the others."""
        run_id, began = opened.study.run_id, time.monotonic()
        while run_id is None and not opened.created and time.monotonic() - began < _PATIENCE:
            time.sleep(0.2)
            run_id = opened.study.run_id
        if run_id is not None and run_exists(self.store, run_id):
            self.store.client.update_run(run_id, status="RUNNING")
            self.store.client.set_tag(run_id, "driver", self._driver)
            return run_id
        run_id = str(self.store.client.create_run(self.experiment, tags=self._study_tags(url)).info.run_id)
        options = self.spec.options.model_dump(mode="json", exclude={"spaces"})
        space = {f"space.{k}": json.dumps(v) for k, v in search_space.as_json(self.spec.space).items()}
        log(self.store.client, run_id, params={key: str(value) for key, value in options.items()} | space)
        opened.study.keep(run_id=run_id)
        return run_id

    def _study_tags(self, url: str) -> dict[str, str]:
        data, spec = self.provenance.data, self.spec
        link = study_notes.trials_link(self.study, self.experiment)
        values = {
            "mlflow.runName": self.study.name,
            "kind": "sweep",
            "model": spec.model.name,
            "study": self.study.name,
            "storage": url,
            "driver": self._driver,
            "host": platform.node(),
            "data_md5": data.get("md5"),
            "data_release": data.get("release"),
            "synthetic": flag(data.get("synthetic")),
            "git_commit": self.provenance.commit,
            "git_dirty": flag(self.provenance.dirty),
            "optuna": self.study.attributes.get("optuna", ""),
            # Replaced when the study ends.
            "mlflow.note.content": f"{spec.model.title}, running: {link}",
            **_SOURCE,
            **{f"identity.{key.replace(' ', '_')}": str(value) for key, value in spec.identity.items()},
        }
        return {key: masked(str(value)) for key, value in values.items() if value}


def log_score(store: Store, study: StoredStudy, score: Mapping[str, Any], *, folder: Path) -> None:
    """Write a score into the study's run: metrics ``<what was compared>/<target>/...``, the files, and its table.

    A run that does not exist any more (``mlruns`` may be deleted) is left out: the study has everything.
    """
    run_id = study.run_id
    if run_id is None or not run_exists(store, run_id):
        return
    key = looks.score_key(score["claim"], score["protocol"])
    metrics = {
        f"{key}/{row['target']}/{name}": float(value)
        for row in score["rows"]
        for name, value in row.items()
        if isinstance(value, int | float)
    }
    experiment = store.client.get_run(run_id).info.experiment_id
    tested = looks.trials_looked_at(looks.scores_of(study), study.outer)
    tags = {
        "mlflow.note.content": study_notes.study_note(study, summarise(study), experiment=experiment),
        f"scored.{key}": f"trial {score['trial']}",
        # All of them: after several looks at the held-out rows, the last one is not an unbiased error.
        "held_out_rows_tested_for": ", ".join(f"trial {number}" for number in tested),
    }
    log(store.client, run_id, metrics=metrics, tags={name: text for name, text in tags.items() if text})
    log_files(store.client, run_id, folder, "score")
    if score["claim"] == HELD_OUT:
        _log_held_out(store, study, score)


def _log_held_out(store: Store, study: StoredStudy, score: Mapping[str, Any]) -> None:
    """Write the error on the held-out rows next to the error on the inner folds, in the runs of the trials compared."""
    target = MEAN if study.options.objective == "smae" else study.options.objective
    (row,) = (row for row in score["rows"] if row["target"] == target)
    tried = [study.trial(score["trial"]), next((trial for trial in study.trials() if trial.is_configured), None)]
    for trial, value in zip(tried, (row["tuned_smae"], row["configured_smae"]), strict=True):
        if trial is not None and trial.run_id is not None and run_exists(store, trial.run_id):
            log(store.client, trial.run_id, metrics={study_notes.HELD_OUT_OBJECTIVE: float(value)})


def run_exists(store: Store, run_id: str) -> bool:
    """Whether the run is in the store and not deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(store.client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        return False


def close_trial(store: Store, run_id: str, trial: StoredTrial, result: TrialResult) -> None:
    """Write a trial that has ended into its run, in one request, and close the run."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    names = (study_notes.OBJECTIVE, "seconds_per_fold")
    metrics = [Metric(name, value, now, 0) for name, value in zip(names, result.values, strict=False)]
    for target in TARGETS:
        by_fold = {fold: scores[target] for fold, scores in result.folds.items() if target in scores}
        metrics += [Metric(f"{target}/{fold}", value, now, 0) for fold, value in by_fold.items()]
        if by_fold:
            metrics.append(Metric(f"{target}/smae", float(np.mean(list(by_fold.values()))), now, 0))
    metrics += [Metric("intermediate_objective", value, now, step) for step, value in result.steps]
    metrics.append(Metric("resources/seconds", result.seconds, now, 0))
    tags = {"state": result.state, "reason": result.reason, "device": result.device, "worker": result.worker}
    if result.batch_size is not None:
        tags["batch_size_used"] = str(result.batch_size)
    store.client.log_batch(
        run_id,
        metrics,
        [Param(key, value) for key, value in list(_params(trial).items())[:BATCH]],
        [RunTag(key, masked(value)) for key, value in tags.items() if value],
    )
    store.client.set_terminated(run_id, "FAILED" if result.state == "fail" else "FINISHED")


def close_lost_trial(store: Store, run_id: str, trial: StoredTrial | None, *, reason: str) -> None:
    """Close the run of a trial that was given up."""
    params = _params(trial) if trial is not None else {}
    log(store.client, run_id, params=params, tags={"state": "given up", "reason": reason})
    store.client.set_terminated(run_id, "KILLED")


def _params(trial: StoredTrial) -> dict[str, str]:
    return {key: str(value) for key, value in flat(trial.params).items()}
