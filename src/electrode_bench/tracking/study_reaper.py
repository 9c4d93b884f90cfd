"""Closing the runs that killed processes left open: of studies and of publishing."""

from __future__ import annotations

import json
from typing import Any

from electrode_bench.core.process import DriverProcess
from electrode_bench.errors import UserError
from electrode_bench.tracking import unfinished
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.store import Store
from electrode_bench.tracking.studies import close_lost_trial, close_trial, experiment_name
from electrode_bench.tuning import driver
from electrode_bench.tuning.storage import load_study
from electrode_bench.tuning.stored_study import StoredStudy


def reap(store: Store, *, url: str, silent_for: float | None = None) -> tuple[int, int]:
    """Close what dead drivers left open, in the studies at ``url`` and in MLflow: (trials given up, runs closed).

    ``silent_for`` as for :meth:`~electrode_bench.core.process.DriverProcess.is_dead`.
    """
    given_up = driver.reap(url, silent_for=silent_for)
    closed = unfinished.close_abandoned(store, silent_for=silent_for)
    for experiment in store.client.search_experiments(filter_string=f"name LIKE '{experiment_name('%')}'"):
        for run in search(store.client, experiment.experiment_id, "attributes.status = 'RUNNING'"):
            closed += _close_if_abandoned(store, run, url=url, silent_for=silent_for)
    return len(given_up), closed


def _close_if_abandoned(store: Store, run: Any, *, url: str, silent_for: float | None) -> bool:
    """Close one open run if its driver is dead; whether it was closed."""
    tags, run_id = run.data.tags, run.info.run_id
    process = DriverProcess.from_json(json.loads(tags["driver"])) if "driver" in tags else None
    if process is not None and not process.is_dead(since=run.info.start_time / 1000, silent_for=silent_for):
        return False
    study = _study(url, tags.get("study", ""))
    if tags.get("kind") == "trial":
        trial = study.trial(int(tags["trial"])) if study is not None else None
        if trial is not None and trial.has_ended:
            # Its driver was killed after the study had the result, and before MLflow had it.
            close_trial(store, run_id, trial, trial.result)
        else:
            close_lost_trial(store, run_id, trial, reason=driver.INTERRUPTED)
        return True
    if study is not None and study.is_running():
        # The run names the driver that came last; another one is still at work.
        return False
    store.client.set_terminated(run_id, "KILLED")
    return True


def _study(url: str, name: str) -> StoredStudy | None:
    try:
        return load_study(url, name)
    except UserError:
        return None
