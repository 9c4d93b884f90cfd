"""A sweep in MLflow: one run a study, and below it one run a trial, written in few batches.

The study in Optuna's storage is the truth, and MLflow a view of it: a run and its trial name each other
(``run_id`` in the trial's attributes, ``study`` and ``trial`` in the run's tags).
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from electrode_bench import models
from electrode_bench.core.addresses import masked
from electrode_bench.core.artifacts import write_csv, write_json, write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.schema import TARGETS
from electrode_bench.models import search_space
from electrode_bench.report import tuning
from electrode_bench.tracking.batches import BATCH, log, search
from electrode_bench.tracking.fields import flag, flat
from electrode_bench.tracking.links import artifact_link, comparison_link, run_link, runs_link
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.store import Store, experiment_id
from electrode_bench.tuning import driver, record
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.storage import Opened, storage
from electrode_bench.tuning.study import Outcome, Setting
from electrode_bench.tuning.trial import outcome_of, tried

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

#: How long a driver waits for the one that made the study to make its run, in seconds.
_PATIENCE = 60.0

_NOTE = (
    "One run a study: open it for its best trial, the list of its trials, plots, and how to adopt what it found. "
    "`+` beside it unfolds the trials, and *Show more columns* has their values and parameters."
)

_SOURCE = "electrode-bench sweep"

#: The metric of a trial that the sweep makes small.
_OBJECTIVE = "objective"

#: Trials that the comparison of a study holds, the best ones: more lines are a thicket, and the address gets too long.
_COMPARED = 50

#: Metrics of a study's run, by what studies.summary calls them.
_METRICS = {
    "best": "best",
    "configured": "configured",
    "trials": "trials/ended",
    "complete": "trials/complete",
    "pruned": "trials/pruned",
    "failed": "trials/failed",
    "given_up": "trials/given_up",
    "seconds": "cost/seconds",
    "pruned_seconds": "cost/pruned_seconds",
    "saved_seconds": "cost/saved_seconds",
}


def experiment_name(model: str) -> str:
    return f"sweeps/{model}"


def place(store: Store, model: str) -> str:
    """Id of the experiment of a model's sweeps, made when it is missing."""
    with store.lock:
        return experiment_id(store.client, experiment_name(model), uri=store.uri, note=_NOTE)


class Ledger:
    """The book of one driver."""

    def __init__(self, store: Store, setting: Setting, opened: Opened, *, provenance: Provenance, url: str) -> None:
        self.store, self.setting, self.study, self.provenance = store, setting, opened.study, provenance
        self.experiment = place(store, setting.spec.name)
        self.parent = self._parent(opened, url=url)
        self._runs: dict[int, str] = {}
        #: Seconds that this driver has spent on MLflow.
        self.seconds = 0.0

    @property
    def url(self) -> str:
        return f"{self.store.base()}/{run_link(self.experiment, self.parent)}"

    def began(self, trial: Trial, config: Strict) -> None:  # noqa: ARG002 (written when it ends, in one batch)
        began = time.perf_counter()
        tags = {
            "mlflow.runName": f"trial {trial.number:04d}",
            "mlflow.parentRunId": self.parent,
            "kind": "trial",
            "model": self.setting.spec.name,
            "study": self.study.study_name,
            "trial": str(trial.number),
            "part": self.setting.part.name,
            "seed": str(self.setting.seed),
            "state": "running",
            "mlflow.source.name": _SOURCE,
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": self._trial_note(trial.number),
            "driver": json.dumps(asdict(driver.Driver.here())),
        }
        run_id = self.store.client.create_run(self.experiment, tags=tags).info.run_id
        self._runs[trial.number] = run_id
        trial.set_user_attr("run_id", run_id)
        self.seconds += time.perf_counter() - began

    def ended(self, outcome: Outcome) -> None:
        began = time.perf_counter()
        run_id = self._runs.pop(outcome.number, None)
        if run_id is not None:
            close(
                self.store,
                run_id,
                self.study.get_trials(deepcopy=False)[outcome.number],
                outcome,
                space=self.setting.space,
            )
        self.seconds += time.perf_counter() - began

    def lost(self, number: int, reason: str) -> None:
        run_id = self._runs.pop(number, None)
        if run_id is not None:
            killed(
                self.store,
                run_id,
                self.study.get_trials(deepcopy=False)[number],
                reason=reason,
                space=self.setting.space,
            )

    def finished(self, *, status: str) -> dict[str, Any]:
        """Write what the study has come to (studies.summary, which it gives), with its plots, and close its run."""
        summary = studies.summary(self.study, space=self.setting.space)
        best = studies.best(self.study)
        metrics = {name: float(summary[k]) for k, name in _METRICS.items() if k in summary}
        metrics["cost/tracking_seconds"] = self.seconds
        tags = {"mlflow.note.content": note(self.study, summary, experiment=self.experiment)}
        if best is not None:
            tags |= {"best_trial": str(best.number), "best_run_id": str(best.user_attrs.get("run_id", ""))}
        log(self.store.client, self.parent, metrics=metrics, tags=tags)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_csv(studies.table(self.study, space=self.setting.space), folder / "trials.csv")
            write_json(
                {"identity": self.setting.identity, "space": search_space.as_json(self.setting.space)},
                folder / "study.json",
            )
            write_text(studies.page(self.study), folder / "plots.html")
            self.store.client.log_artifacts(self.parent, str(folder))
        if not driver.under_way(self.study):
            # Else another driver is at work, and closes it at its own end.
            self.store.client.set_terminated(self.parent, status)
        return summary

    def _parent(self, opened: Opened, *, url: str) -> str:
        """The study's run: made by the driver that made the study, awaited by the others."""
        known = opened.study.user_attrs.get("run_id")
        began = time.monotonic()
        while known is None and not opened.created and time.monotonic() - began < _PATIENCE:
            time.sleep(0.2)
            known = opened.study.user_attrs.get("run_id")
        me = json.dumps(asdict(driver.Driver.here()))
        if known is not None and there(self.store, known):
            self.store.client.update_run(known, status="RUNNING")
            self.store.client.set_tag(known, "driver", me)
            return str(known)
        data = self.provenance.data
        values = {
            "mlflow.runName": opened.study.study_name,
            "kind": "sweep",
            "model": self.setting.spec.name,
            "study": opened.study.study_name,
            "storage": masked(url),
            "driver": me,
            "host": platform.node(),
            "data_md5": data.get("md5"),
            "data_release": data.get("release"),
            "synthetic": flag(data.get("synthetic")),
            "git_commit": self.provenance.commit,
            "git_dirty": flag(self.provenance.dirty),
            "optuna": str(opened.study.user_attrs.get("optuna", "")),
            "mlflow.source.name": _SOURCE,
            "mlflow.source.type": "LOCAL",
            # Until it is finished, and replaced, it leads to what is there.
            "mlflow.note.content": f"{self.setting.spec.title}, under way: {_trials_link(self.study, self.experiment)}",
            **{f"identity.{k.replace(' ', '_')}": str(v) for k, v in self.setting.identity.items()},
        }
        run_id: str = self.store.client.create_run(
            self.experiment, tags={k: str(v) for k, v in values.items() if v}
        ).info.run_id
        how = self.setting.how.model_dump(mode="json", exclude={"spaces"})
        shown = {f"space.{k}": json.dumps(v) for k, v in search_space.as_json(self.setting.space).items()}
        log(self.store.client, run_id, params={k: str(v) for k, v in how.items()} | shown)
        opened.study.set_user_attr("run_id", run_id)
        return run_id

    def _trial_note(self, number: int) -> str:
        study = f"[{self.study.study_name}]({run_link(self.experiment, self.parent)})"
        return f"Trial {number} of {study}: {self.setting.spec.title} on `{self.setting.part.name}`."


def _trials_link(study: Study, experiment: str) -> str:
    query = f"tags.study = '{study.study_name}' and tags.kind = 'trial'"
    return f"[all trials, the best first]({runs_link(experiment, query, by=_OBJECTIVE)})"


def note(study: Study, summary: Mapping[str, Any], *, experiment: str) -> str:
    """The description of a study's run: what came of it, where its trials are, what it was.

    MLflow shows the first lines of it, so that links come early.
    """
    from optuna.trial import TrialState

    identity, best = study.user_attrs["identity"], studies.best(study)
    links = [_trials_link(study, experiment)]
    if best is not None and "run_id" in best.user_attrs:
        links.insert(0, f"[best trial: {best.number}]({run_link(experiment, best.user_attrs['run_id'])})")
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    found = sorted((t for t in complete if "run_id" in t.user_attrs), key=lambda t: (t.values[0], t.number))
    if len(found) > 1:
        what = "compared" if len(found) <= _COMPARED else f"the best {_COMPARED} compared"
        runs = [t.user_attrs["run_id"] for t in found[:_COMPARED]]
        links.append(f"[{what}]({comparison_link(experiment, runs)})")
    links += [
        f"[{title}]({artifact_link(experiment, study.user_attrs['run_id'], name)})"
        for title, name in (("plots", "plots.html"), ("table", "trials.csv"))
    ]
    seen = f"Tuned on inner folds of the training part of `{identity['part']}`; its test rows were not seen."
    lines = [
        f"**{models.spec(identity['model']).title}**, {studies.sentence(summary)}",
        "",
        " · ".join(links),
        "",
        f"{seen} Values are SMAE: 0 is perfect, 1 no better than the control.",
        "",
        f"Adopt: `electrode-bench sweep adopt {study.study_name}`",
    ]
    for score in record.scores(study):
        lines += ["", tuning.markdown(score)]
    return "\n".join(lines)


def score(store: Store, study: Study, scored: Mapping[str, Any], *, key: str, folder: Path) -> None:
    """Write what tuning brought into the study's run: metrics ``<key>/<target>/...``, its files, and its table.

    A run that is no longer there (``mlruns`` may be deleted) is left out: the study has it all.
    """
    run_id = study.user_attrs.get("run_id")
    if run_id is None or not there(store, run_id):
        return
    values = {
        f"{key}/{row['target']}/{name}": float(value)
        for row in scored["rows"]
        for name, value in row.items()
        if isinstance(value, int | float)
    }
    summary = studies.summary(study, space=studies.space(study))
    place = store.client.get_run(run_id).info.experiment_id
    tags = {
        "mlflow.note.content": note(study, summary, experiment=place),
        # All of them: of several looks at the same rows the last one is no clean claim.
        f"scored.{key}": ", ".join(f"trial {n}" for n in sorted({scored["trial"], *scored["before"]})),
    }
    log(store.client, run_id, metrics=values, tags=tags)
    store.client.log_artifacts(run_id, str(folder), "score")


def there(store: Store, run_id: str) -> bool:
    """Whether the run is in the store and not deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(store.client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        # mlruns was deleted, as it may be.
        return False


def close(
    store: Store, run_id: str, trial: FrozenTrial, outcome: Outcome, *, space: Mapping[str, search_space.Dimension]
) -> None:
    """Write a trial that has ended into its run, in one batch, and close it."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    metrics = [
        Metric(name, value, now, 0) for name, value in zip((_OBJECTIVE, "seconds_a_fold"), outcome.values, strict=False)
    ]
    for target in TARGETS:
        by_fold = {fold: of[target] for fold, of in outcome.folds.items() if target in of}
        metrics += [Metric(f"{target}/{fold}", value, now, 0) for fold, value in by_fold.items()]
        if by_fold:
            metrics.append(Metric(f"{target}/smae", float(np.mean(list(by_fold.values()))), now, 0))
    metrics += [Metric("intermediate_objective", value, now, step) for step, value in outcome.steps]
    metrics.append(Metric("cost/seconds", outcome.seconds, now, 0))
    tags = {"state": outcome.state, "reason": outcome.reason, "device": outcome.device, "worker": outcome.worker}
    if outcome.batch_size is not None:
        tags["batch_size_used"] = str(outcome.batch_size)
    store.client.log_batch(
        run_id,
        metrics,
        [Param(k, v) for k, v in list(_params(trial, space).items())[:BATCH]],
        [RunTag(k, v) for k, v in tags.items() if v],
    )
    store.client.set_terminated(run_id, "FAILED" if outcome.state == "fail" else "FINISHED")


def killed(
    store: Store, run_id: str, trial: FrozenTrial | None, *, reason: str, space: Mapping[str, search_space.Dimension]
) -> None:
    """Close the run of a trial that was given up."""
    params = _params(trial, space) if trial is not None else {}
    log(store.client, run_id, params=params, tags={"state": "given up", "reason": reason})
    store.client.set_terminated(run_id, "KILLED")


def _params(trial: FrozenTrial, space: Mapping[str, search_space.Dimension]) -> dict[str, str]:
    return {k: str(v) for k, v in flat(tried(trial, space)).items()}


def reap(store: Store, *, url: str, silent_for: float | None = None) -> tuple[int, int]:
    """Close what dead drivers left open: (trials given up, runs closed)."""
    given_up = driver.reap(url, silent_for=silent_for)
    closed = 0
    for found in store.client.search_experiments(filter_string="name LIKE 'sweeps/%'"):
        for run in search(store.client, found.experiment_id, "attributes.status = 'RUNNING'"):
            closed += _settle(store, run, url=url, silent_for=silent_for)
    return len(given_up), closed


def _settle(store: Store, run: Any, *, url: str, silent_for: float | None) -> int:
    """Close one run that is still open, if its driver is dead; 1 when it was closed."""
    tags = run.data.tags
    who = driver.Driver(**json.loads(tags["driver"])) if "driver" in tags else None
    if who is not None and not who.dead(since=run.info.start_time / 1000, silent_for=silent_for):
        return 0
    study = _study(url, tags.get("study", ""))
    space = studies.space(study) if study is not None else {}
    if tags.get("kind") == "trial":
        number = int(tags["trial"])
        known = study.get_trials(deepcopy=False) if study is not None else []
        trial = known[number] if number < len(known) else None
        if trial is not None and trial.state.is_finished() and not trial.user_attrs.get("given_up"):
            # Told to the study, and killed before it was told to MLflow.
            close(store, run.info.run_id, trial, outcome_of(trial), space=space)
            return 1
        killed(store, run.info.run_id, trial, reason=driver.INTERRUPTED, space=space)
        return 1
    if study is not None and driver.under_way(study):
        # It names the driver that came last, and another one is at work, for as long as it has to.
        return 0
    store.client.set_terminated(run.info.run_id, "KILLED")
    return 1


def _study(url: str, name: str) -> Study | None:
    import optuna

    try:
        return optuna.load_study(study_name=name, storage=storage(url))
    except KeyError:
        return None
