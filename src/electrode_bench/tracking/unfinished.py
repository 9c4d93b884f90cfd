"""Runs that are being published, and those that a killed process left: whose they are, and closing or deleting them.

A run names the process that writes it. Only a run whose process has ended is deleted, so several clones can publish to
one server at the same time. ``electrode-bench reap`` closes what was left; the next publish replaces it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from electrode_bench.core.process import DriverProcess
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.current import find_folds, is_complete
from electrode_bench.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

#: The tag that names the process that writes a run, and since when (seconds since 1970).
WRITER = "writer"

#: How long another process that writes the same content is awaited, in seconds.
_PATIENCE = 60.0


def writer() -> str:
    """The value of the tag ``writer`` for this process, now."""
    return json.dumps({**DriverProcess.this_process().as_json(), "since": time.time()})


def is_abandoned(store: Store, run: MlflowRun, *, silent_for: float | None = None) -> bool:
    """Whether nobody will finish an unfinished run. In a local store the caller holds the lock, so nobody writes.

    ``silent_for`` as for :meth:`~electrode_bench.core.process.DriverProcess.is_dead`; it also decides about runs of
    earlier versions, which do not name their process.
    """
    if store.local or run.info.status in ("KILLED", "FAILED"):
        return True
    text = run.data.tags.get(WRITER)
    if text is None:
        return silent_for is not None and time.time() - run.info.start_time / 1000 >= silent_for
    about = json.loads(text)
    return DriverProcess.from_json(about).is_dead(since=float(about["since"]), silent_for=silent_for)


def earlier_runs(store: Store, find: Callable[[], list[MlflowRun]], content: str) -> list[MlflowRun]:
    """The complete runs that ``find`` finds. Abandoned ones are deleted.

    Another process that writes the same content now is awaited for a while, so that it is written once.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = find()
        complete = [run for run in found if is_complete(run)]
        others = [run for run in found if not is_complete(run)]
        for run in others:
            if is_abandoned(store, run):
                delete(store, run)
        awaited = [run for run in others if run.data.tags.get("content_digest") == content]
        if not any(not is_abandoned(store, run) for run in awaited) or time.monotonic() > deadline:
            return complete
        time.sleep(0.5)


def delete(store: Store, run: MlflowRun) -> None:
    """Delete an unfinished run. Its folds go first: a kill in between leaves the run to be found again."""
    for fold in find_folds(store, run.info.run_id):
        with _may_be_gone():
            store.client.delete_run(fold.info.run_id)
    for model in store.client.search_logged_models([store.runs], f"source_run_id = '{run.info.run_id}'"):
        with _may_be_gone():
            store.client.delete_logged_model(model.model_id)
    with _may_be_gone():
        store.client.delete_run(run.info.run_id)


def close_abandoned(store: Store, *, silent_for: float | None = None) -> int:
    """Close the runs, and the folds, that killed processes left open; how many there were."""
    closed = 0
    with store.lock:
        for run in search(store.client, store.runs, "attributes.status = 'RUNNING'"):
            if is_abandoned(store, run, silent_for=silent_for):
                store.client.set_terminated(run.info.run_id, "KILLED")
                closed += 1
        live = {run.info.run_id for run in search(store.client, store.runs, "attributes.status = 'RUNNING'")}
        for fold in search(store.client, store.folds, "attributes.status = 'RUNNING'"):
            if fold.data.tags.get("mlflow.parentRunId") not in live:
                store.client.set_terminated(fold.info.run_id, "KILLED")
                closed += 1
    return closed


@contextmanager
def _may_be_gone() -> Iterator[None]:
    """Another process may delete the same run at the same time."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_STATE", "INVALID_PARAMETER_VALUE"):
            raise
