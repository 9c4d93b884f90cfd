"""Which published runs are current, and which run of the control each may be compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.batches import log, search
from electrode_bench.tracking.describe import with_control
from electrode_bench.tracking.fields import COMPARABLE
from electrode_bench.tracking.links import folds_query
from electrode_bench.tracking.locations import require_well_formed, sqlite_file, tracking_uri
from electrode_bench.tracking.store import Store, open_store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

#: The tag ``kind`` of a run, and what it was in earlier versions: those runs are superseded as any others.
KIND, FORMER_KINDS = "run", ("cell",)
#: How the name of a run begins that another one has replaced.
SUPERSEDED = "superseded · "


def current_runs(project: Project, *, uri: str | None = None) -> pd.DataFrame:
    """The current runs: model, protocol, each target's SMAE, synthetic, run_digest, control_run_id, run_id, url.

    Raises
    ------
    UserError
        When nothing is published yet, or the store cannot be used.
    """
    uri = tracking_uri(project) if uri is None else uri
    require_published(uri)
    with open_store(project, uri=uri) as store:
        runs = [run for run in find_runs(store) if is_complete(run) and run.data.tags.get("current") == "true"]
        rows = [
            {
                "model": run.data.tags["model"],
                "protocol": run.data.tags["protocol"],
                **{f"{target}/smae": run.data.metrics.get(f"{target}/smae", math.nan) for target in TARGETS},
                "synthetic": run.data.tags.get("synthetic") == "true",
                "run_digest": run.data.tags["run_digest"],
                "control_run_id": run.data.tags.get("control_run_id"),
                "run_id": run.info.run_id,
                "url": store.url(run.info.run_id),
            }
            for run in runs
        ]
    columns = ["model", "protocol", *(f"{target}/smae" for target in TARGETS), "synthetic", "run_digest"]
    frame = pd.DataFrame(rows, columns=[*columns, "control_run_id", "run_id", "url"])
    return frame.sort_values(["protocol", "model"], ignore_index=True)


def require_published(uri: str) -> None:
    """Raise a UserError when the store is an SQLite file that does not exist yet, or ``uri`` is no store's address."""
    require_well_formed(uri)
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        raise UserError(f"no runs are published in {file.parent}; run: electrode-bench publish")


def find_runs(
    store: Store, *, model: str | None = None, protocol: str | None = None, kind: str = KIND
) -> list[MlflowRun]:
    """Runs, not their folds; those of a model and under a protocol where these are given."""
    tags = {"kind": kind, "model": model, "protocol": protocol}
    query = " and ".join(f"tags.{key} = '{value}'" for key, value in tags.items() if value is not None)
    return search(store.client, store.runs, query)


def find_folds(store: Store, run_id: str) -> list[MlflowRun]:
    """The folds of a run."""
    return search(store.client, store.folds, folds_query(run_id))


def is_complete(run: MlflowRun) -> bool:
    """Whether a run was published to its end."""
    return bool(run.info.status == "FINISHED" and run.data.tags.get("complete") == "true")


def make_current(store: Store, run_id: str, earlier: Iterable[MlflowRun]) -> None:
    """Mark ``run_id`` as the current run of its model and protocol, and the earlier ones as superseded by it."""
    for run in earlier:
        tags = run.data.tags
        if run.info.run_id == run_id:
            if tags.get("current") != "true" or "superseded_by" in tags:
                name = str(run.info.run_name).removeprefix(SUPERSEDED)
                tag(store, run_id, {"current": "true"}, own={"mlflow.runName": name}, remove="superseded_by")
        elif tags.get("current") != "false":
            name = SUPERSEDED + str(run.info.run_name).removeprefix(SUPERSEDED)
            old = {"current": "false", "superseded_by": run_id}
            tag(store, run.info.run_id, old, own={"mlflow.runName": name})


def control_of(store: Store, tags: Mapping[str, str]) -> str | None:
    """The control's run that a run with these tags may be compared with: the same split, table and raw data."""
    return _comparable(tags, _controls(store, tags["protocol"]))


def link_controls(store: Store, *, protocol: str) -> None:
    """Make every complete run under the protocol name its control's run, also where the control came later."""
    controls = _controls(store, protocol)
    for run in find_runs(store, protocol=protocol):
        tags = run.data.tags
        if not is_complete(run) or tags["model"] == CONTROL:
            continue
        control = _comparable(tags, controls)
        if control is not None and control != tags.get("control_run_id"):
            text = with_control(store, tags.get("mlflow.note.content", ""), control)
            tag(store, run.info.run_id, {"control_run_id": control}, own={"mlflow.note.content": text})


def _controls(store: Store, protocol: str) -> list[MlflowRun]:
    """The control's complete runs under a protocol, the current one first."""
    runs = [run for run in find_runs(store, model=CONTROL, protocol=protocol) if is_complete(run)]
    return sorted(runs, key=lambda run: run.data.tags.get("current") != "true")


def _comparable(tags: Mapping[str, str], controls: Iterable[MlflowRun]) -> str | None:
    for run in controls:
        if all(run.data.tags.get(key) == tags.get(key) for key in COMPARABLE):
            return str(run.info.run_id)
    return None


def tag(
    store: Store,
    run_id: str,
    tags: Mapping[str, str],
    *,
    own: Mapping[str, str] = MappingProxyType({}),
    remove: str | None = None,
) -> None:
    """Set tags of a run and its folds (``own``: of the run only). The run comes last, so that a kill is noticed."""
    folds = find_folds(store, run_id)
    for fold in folds:
        log(store.client, fold.info.run_id, tags=tags)
    if remove is not None:
        for run in (*folds, store.client.get_run(run_id)):
            if remove in run.data.tags:
                store.client.delete_tag(run.info.run_id, remove)
    log(store.client, run_id, tags={**tags, **own})
