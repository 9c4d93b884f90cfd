"""Runs that are being written: several clones publish to one store, and killed ones are closed."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import postgresql, tracked_runs
from support.tracked_runs import Made, publish

from electrode_bench.project import Project
from electrode_bench.tracking import study_reaper, unfinished
from electrode_bench.tracking.locations import ARTIFACT_ROOT
from electrode_bench.tracking.store import Store, open_store
from electrode_bench.tuning.storage import storage_url

pytestmark = [pytest.mark.xdist_group("tracking"), postgresql.needed]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture(scope="module")
def database(server: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The address of a database that several tests use, and its place for files."""
    return postgresql.database(server, "shared"), tmp_path_factory.mktemp("files")


@pytest.fixture
def files(database: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place for files, which a database server needs."""
    monkeypatch.setenv(ARTIFACT_ROOT, str(database[1]))
    yield
    postgresql.close_connections()


@pytest.fixture
def shared(database: tuple[str, Path], files: None, tmp_path: Path) -> Iterator[Store]:  # noqa: ARG001
    """A store without runs that several clones use."""
    with open_store(Project(tmp_path), uri=database[0]) as store:
        for run in store.client.search_runs([store.runs, store.folds]):
            store.client.delete_run(run.info.run_id)
        yield store


def _open_run(store: Store, made: Made, **tags: str) -> str:
    """A run as a publish that is not finished has it, with one fold; its id."""
    record, source = made
    own = {"kind": "run", "complete": "false", "model": record.run.model, "protocol": record.run.protocol,
           "content_digest": record.content_digest(source), **tags}  # fmt: skip
    run_id = str(store.client.create_run(store.runs, tags=own).info.run_id)
    store.client.create_run(store.folds, tags={"kind": "fold", "mlflow.parentRunId": run_id})
    return run_id


def _writer(**changed: Any) -> str:
    return json.dumps({**json.loads(unfinished.writer()), **changed})


def _states(store: Store) -> list[str]:
    runs = store.client.search_runs([store.runs, store.folds])
    return sorted(run.info.status for run in runs)


@pytest.mark.usefixtures("files")
def test_clones_publish_the_same_content_to_one_new_server_at_once(
    server: str, made: dict[str, Made], tmp_path: Path
) -> None:
    """Whether one waits for the other or both write, all succeed, and one run is the current one."""
    record, source = made["control stratified"]
    uri = postgresql.database(server, "new")
    start = multiprocessing.get_context("fork").Barrier(4)

    def one(number: int) -> None:
        start.wait()
        publish(Project(tmp_path / str(number)), (record, source), uri=uri)

    context = multiprocessing.get_context("fork")
    assert tracked_runs.exit_codes([context.Process(target=one, args=(number,)) for number in range(4)]) == [0] * 4
    with open_store(Project(tmp_path), uri=uri) as store:
        runs = store.client.search_runs([store.runs])
        assert {run.data.tags["complete"] for run in runs} == {"true"}
        assert [run.data.tags["current"] for run in runs].count("true") == 1
        assert set(_states(store)) == {"FINISHED"}


def test_what_another_process_writes_is_awaited_and_what_a_dead_one_left_is_replaced(
    shared: Store, made: dict[str, Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "_PATIENCE", 0.1)
    one, other = made["control stratified"], made["control bootstrap"]
    live = _open_run(shared, one, writer=unfinished.writer())
    elsewhere = _open_run(shared, one, writer=_writer(host="another-host"))
    dead = _open_run(shared, one, writer=_writer(pid=2**22 + 1), content_digest="that of earlier content")
    (published,) = publish(Project(tmp_path), one, uri=shared.uri)
    assert published.created
    stages = {run: shared.client.get_run(run).info.lifecycle_stage for run in (live, elsewhere, dead)}
    assert stages == {live: "active", elsewhere: "active", dead: "deleted"}
    shared.client.set_terminated(live, "FINISHED")
    shared.client.set_tag(live, "complete", "true")
    (again,) = publish(Project(tmp_path), one, uri=shared.uri)
    assert (again.created, again.run_id) == (False, min(live, published.run_id))
    # Other content is none of its business.
    (bootstrap,) = publish(Project(tmp_path), other, uri=shared.uri)
    assert bootstrap.created


def test_reap_closes_runs_and_folds_whose_process_has_ended(
    project: Project, shared: Store, made: dict[str, Made]
) -> None:
    url, control = storage_url(project, None), made["control stratified"]
    _open_run(shared, control, writer=_writer(pid=2**22 + 1))
    _open_run(shared, control, writer=_writer(host="another-host", since=time.time() - 60))
    _open_run(shared, control, writer=unfinished.writer())
    assert study_reaper.reap(shared, url=url) == (0, 2)
    assert _states(shared) == ["KILLED"] * 2 + ["RUNNING"] * 4
    assert study_reaper.reap(shared, url=url, silent_for=3600) == (0, 0)
    assert study_reaper.reap(shared, url=url, silent_for=30) == (0, 2)
    assert _states(shared) == ["KILLED"] * 4 + ["RUNNING"] * 2


def test_reap_closes_everything_in_a_local_store(project: Project, store: Store, made: dict[str, Made]) -> None:
    """Nobody writes while the lock is held; runs of earlier versions do not name their process."""
    _open_run(store, made["control stratified"])
    assert study_reaper.reap(store, url=storage_url(project, None)) == (0, 2)
    assert _states(store) == ["KILLED"] * 2
    (published,) = publish(project, made["control stratified"])
    assert published.created
    assert _states(store) == ["FINISHED"] * 4
