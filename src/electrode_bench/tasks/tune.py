"""sweep: tune a model on the training rows of an outer fold, with every trial in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Executor
from electrode_bench.models import search_space
from electrode_bench.models.device import visible_gpus
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.tracking import provenance, study_reaper
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.store import Store, open_store
from electrode_bench.tracking.studies import MLflowStudyLogger
from electrode_bench.tuning import driver
from electrode_bench.tuning.plan import plan_studies
from electrode_bench.tuning.storage import (
    OpenedStudy,
    all_studies,
    lost_storage_is_an_error,
    open_study,
    storage_url,
)
from electrode_bench.tuning.study import StudySpec
from electrode_bench.tuning.summary import summarise, why_all_failed

#: What to run when MLflow's store was lost and is back: nothing else publishes a study.
AGAIN = "the same command again"


@dataclass(frozen=True)
class TunedStudy:
    """One study after a sweep."""

    study: str
    part: str
    created: bool
    #: In what a new study differs from the model's last one on the same outer training set.
    changed: tuple[str, ...]
    summary: dict[str, Any]
    url: str
    #: Seconds that this process spent on MLflow.
    tracking_seconds: float
    #: Why there is nothing to adopt, in one line, where every trial failed.
    failure: str | None = None


@dataclass(frozen=True)
class _Sweep:
    """What all studies of one sweep share."""

    store: Store
    provenance: Provenance
    url: str
    trials: int
    seconds: float | None
    executor: Executor
    devices: Sequence[str]
    progress: Callable[[str, int, int], None] | None
    notify: Callable[[str], None]


def run(
    project: Project,
    params: Params,
    *,
    model: str,
    trials: int,
    executor: Executor,
    seconds: float | None = None,
    nested: bool = False,
    storage: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> list[TunedStudy]:
    """Tune ``model`` until each study has ``trials`` trials, or ``seconds`` have passed on it.

    Parameters
    ----------
    nested : tune on every outer fold, each in its own study.
    storage : where the studies are; None takes a journal file under ``mlruns``.
    progress : called with (outer fold, trials ended, trials wanted).
    notify : called with lines about what is going on.

    Raises
    ------
    UserError
        When an input is missing or wrong, or a store cannot be reached.
    """
    spec = models.named(model, params)
    reason = spec.available()
    if reason:
        raise UserError(reason)
    # Asking a model that runs on the CPU first: torch takes seconds to load.
    devices = visible_gpus() if executor.shares_files and spec.device() != "cpu" else []
    url = storage_url(project, storage)
    if url.startswith("journal:") and executor.n_hosts > 1:
        raise UserError(
            f"the Ray cluster has {executor.n_hosts} hosts, which cannot share a file; give --storage postgresql://..."
        )
    specs = plan_studies(project, params, model=model, nested=nested)
    notify = notify or (lambda _: None)
    adoption = project.adoption(model)
    if adoption is not None and specs[0].base != models.configured(specs[0].model, params):
        notify(
            f"begins with the configuration from before {adoption.study} was adopted, because that study has seen "
            "test rows of these outer folds"
        )
    with open_store(project, again=AGAIN) as store, lost_storage_is_an_error(url):
        study_reaper.reap(store, url=url)
        sweep = _Sweep(store, provenance.of(project), url, trials, seconds, executor, devices, progress, notify)
        return [_tune(spec, sweep) for spec in specs]


def _tune(spec: StudySpec, sweep: _Sweep) -> TunedStudy:
    opened = open_study(spec, url=sweep.url, trials=sweep.trials)
    if "commit" not in opened.study.attributes:
        source = sweep.provenance
        opened.study.keep(
            snapshot={key: source.data.get(key) for key in ("release", "md5")},
            commit=f"{source.commit or ''}{' (changed since)' if source.dirty else ''}",
        )
    _notify_about(spec, opened, sweep.notify)
    logger = MLflowStudyLogger(sweep.store, spec, opened, provenance=sweep.provenance, url=sweep.url)
    progress, status = sweep.progress, "KILLED"
    try:
        driver.run_trials(
            spec,
            opened.study,
            url=sweep.url,
            trials=sweep.trials,
            seconds=sweep.seconds,
            executor=sweep.executor,
            logger=logger,
            devices=sweep.devices,
            progress=None if progress is None else lambda ended, wanted: progress(spec.outer.name, ended, wanted),
        )
        status = "FINISHED"
    finally:
        summary = logger.on_study_end(status=status)
    return TunedStudy(
        spec.name, spec.outer.name, opened.created, opened.changed, summary, logger.url, logger.seconds,
        why_all_failed(opened.study),
    )  # fmt: skip


def _notify_about(spec: StudySpec, opened: OpenedStudy, notify: Callable[[str], None]) -> None:
    if opened.changed:
        notify(f"starts a new study, because these changed: {', '.join(opened.changed)}")
    elif not opened.created:
        notify(f"continues {spec.name}, which has {opened.study.count()} trials")
    outside = search_space.outside(spec.space, spec.base.model_dump(mode="json"))
    if opened.created and outside:
        notify(
            f"no trial tries the configured values, because these are outside the search space: {', '.join(outside)}"
        )


def reap(project: Project, *, storage: str | None = None, silent_for: float | None = None) -> tuple[int, int]:
    """Close what dead drivers left open, in the studies and in MLflow: (trials given up, runs closed)."""
    with open_store(project, again=AGAIN) as store:
        return study_reaper.reap(store, url=storage_url(project, storage), silent_for=silent_for)


def list_studies(project: Project, *, storage: str | None = None) -> pd.DataFrame:
    """One row per study: study, model, part, trials, complete, pruned, failed, best, configured, best_trial."""
    url = storage_url(project, storage)
    shown = ("trials", "complete", "pruned", "failed", "best", "configured", "best_trial")
    rows = []
    for study in all_studies(url, must_exist=storage is not None):
        summary = summarise(study)
        about = {"study": study.name, "model": study.identity["model"], "part": study.outer}
        rows.append({**about, **{key: summary.get(key) for key in shown}})
    return pd.DataFrame(rows)
