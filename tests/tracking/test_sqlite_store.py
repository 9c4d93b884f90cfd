"""The file of a local store: complete or absent, and moved with its project."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest
from support import fresh_store
from support.tracked_runs import Made, publish

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.registry import ALIAS, NAME, register
from electrode_bench.tracking.store import open_store

pytestmark = pytest.mark.xdist_group("tracking")

#: A database with all tables has a few hundred kilobytes.
_HALF = 200_000


def _make_and_die(project: Project) -> None:
    """Make a store, and die as if killed by the kernel once it has half of its tables."""

    new = project.paths.mlruns / "mlflow.db.new"

    def kill() -> None:
        while not new.exists() or new.stat().st_size < _HALF:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    with open_store(project):
        pass


def test_a_kill_while_the_file_is_made_does_no_harm(project: Project) -> None:
    process = multiprocessing.get_context("fork").Process(target=_make_and_die, args=(project,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    mlruns = project.paths.mlruns
    assert not (mlruns / "mlflow.db").exists()
    # Earlier versions left such a file under its own name, where it could never be used again.
    shutil.copyfile(mlruns / "mlflow.db.new", mlruns / "mlflow.db")
    assert current_runs(project).empty
    assert sorted(file.name for file in mlruns.iterdir()) == [".publish.lock", "mlflow.db", "mlflow.db.incomplete"]


def _texts(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return "\n".join(database.iterdump())


def test_a_moved_project_takes_its_runs_and_models_along(
    project: Project, made: dict[str, Made], fresh: Path, tmp_path: Path
) -> None:
    fresh_store.given(fresh, project)
    (published,) = publish(project, made["control stratified"])
    tags = {"content_digest": published.content_digest}
    champion = register(project, run_id=published.run_id, card="# Card", tags=tags)
    former = Project(project.root.rename(tmp_path / "former"))
    moved = Project(tmp_path / "moved, 100% #2")
    shutil.copytree(former.root, moved.root)
    # The first move: where the project was, nothing is left.
    assert current_runs(former)["run_id"].tolist() == [published.run_id]
    # The second is a copy: the first one keeps its own files.
    before = (former.paths.mlruns / "mlflow.db").read_bytes()
    assert [(run.run_id, run.created) for run in publish(moved, made["control stratified"])] == [
        (published.run_id, False)
    ]
    assert (former.paths.mlruns / "mlflow.db").read_bytes() == before
    text = unquote(_texts(moved.paths.mlruns / "mlflow.db"))
    assert (str(project.root) in text, str(former.root) in text) == (False, False)
    shutil.rmtree(former.root)
    with open_store(moved) as store:
        assert Path(store.client.download_artifacts(published.run_id, "scores.csv")).is_file()
        version = store.client.get_model_version_by_alias(NAME, ALIAS)
        assert (str(version.version), version.run_id) == (champion.version, published.run_id)
        assert (Path(unquote(version.source.removeprefix("file://"))) / "MLmodel").is_file()


def test_a_database_without_the_files_of_its_runs_says_what_to_copy(
    project: Project, made: dict[str, Made], fresh: Path, tmp_path: Path
) -> None:
    fresh_store.given(fresh, project)
    publish(project, made["control stratified"])
    copy = Project(tmp_path / "copy")
    copy.paths.mlruns.mkdir(parents=True)
    shutil.copyfile(project.paths.mlruns / "mlflow.db", copy.paths.mlruns / "mlflow.db")
    with pytest.raises(UserError, match=r"copied without the files of its runs; copy .*/mlruns/artifacts to .*/copy/"):
        current_runs(copy)


def test_a_damaged_file_is_named_and_kept(project: Project, fresh: Path) -> None:
    fresh_store.given(fresh, project)
    file = project.paths.mlruns / "mlflow.db"
    damaged = file.read_bytes()[:100] + b"\xff" * 9000 + file.read_bytes()[9100:]
    file.write_bytes(damaged)
    with pytest.raises(UserError, match=r"mlflow\.db cannot be read \(.*\); restore it from a backup, or rename it"):
        current_runs(project)
    assert file.read_bytes() == damaged
