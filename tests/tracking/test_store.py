"""Opening the tracking store, and stores that cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import free_port
from support.tracked_runs import Made, publish

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.locations import ARTIFACT_ROOT, require_well_formed
from electrode_bench.tracking.store import Store, open_store

pytestmark = pytest.mark.xdist_group("tracking")


def test_an_unreachable_server_is_one_line(project: Project, made: dict[str, Made]) -> None:
    address = f"http://someone:secret@127.0.0.1:{free_port()}"
    environment = dict(os.environ)
    with pytest.raises(UserError) as raised:
        publish(project, made["control stratified"], uri=address)
    message = str(raised.value)
    assert "no server answers there" in message
    assert address.replace(":secret@", "@") in message
    assert "results are safe" in message
    assert "electrode-bench publish" in message
    assert "\n" not in message
    assert "secret" not in message
    assert dict(os.environ) == environment


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("./mlruns", r"MLFLOW_TRACKING_URI is './mlruns', a folder, .* unset it"),
        ("file:///tmp/mlruns", r"a folder, which MLflow no longer writes to"),
        ("gopher://host", r"gopher://host cannot be used: 'gopher' is not a kind of store"),
        ("databricks", r"is 'databricks', a folder"),
        ("localhost:5000", r"cannot be used: it has no '://'"),
        ("http://", r"http:// cannot be used: it names no host"),
        ("http://host:port", r"its port is not a number"),
        ("http://[::1", r"its host cannot be read"),
        ("sqlite://", r"an SQLite address is sqlite:/// and the path of a file"),
        ("sqlite:///:memory:", r"an SQLite address is sqlite:///"),
        ("sqlite:///runs.db?mode=ro", r"an SQLite address is sqlite:///"),
        ("sqlite:////tmp", r"/tmp is a folder; name a file in it"),
        ("http://me:se/cret@host", r"write %2F for '/'"),
        ("postgresql://me:se cret@host/x", r"write %20 for ' '"),
    ],
)
def test_an_unusable_address_is_refused(project: Project, address: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        current_runs(project, uri=address)
    assert "cret" not in str(caught.value)
    assert not project.root.exists()


@given(st.text() | st.builds("{}://{}".format, st.sampled_from(["http", "sqlite", "postgresql", "file"]), st.text()))
def test_any_text_as_an_address_is_usable_or_refused(address: str) -> None:
    with suppress(UserError):
        require_well_formed(address)
        assert address.partition("://")[0].lower().partition("+")[0] in ("http", "https", "sqlite", "postgresql")


def test_a_database_server_needs_a_place_for_files_and_is_tried_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"postgresql://me:secret@127.0.0.1:{free_port()}/runs"
    monkeypatch.delenv(ARTIFACT_ROOT, raising=False)
    start = time.monotonic()
    expected = r"keeps no files; set MLFLOW_DEFAULT_ARTIFACT_ROOT to a place that every host sees"
    with pytest.raises(UserError, match=expected):
        current_runs(project, uri=uri)
    monkeypatch.setenv(ARTIFACT_ROOT, str(project.paths.mlruns))
    with pytest.raises(UserError, match=r"postgresql://me@127\.0\.0\.1:\d+/runs cannot be used: no server") as caught:
        current_runs(project, uri=uri)
    assert "secret" not in str(caught.value)
    # MLflow itself tries for an hour.
    assert time.monotonic() - start < 20


def test_a_file_that_is_not_a_database_is_refused(project: Project) -> None:
    project.paths.mlruns.mkdir(parents=True)
    (project.paths.mlruns / "mlflow.db").write_text("no database")
    with pytest.raises(UserError, match=r"mlflow\.db is not an SQLite database; restore it .* or rename it and run"):
        current_runs(project)


def test_a_deleted_experiment_is_restored(project: Project, store: Store) -> None:
    store.client.delete_experiment(store.runs)
    assert current_runs(project).empty
    assert store.client.get_experiment(store.runs).lifecycle_stage == "active"


def test_the_database_is_one_file_that_can_be_copied_while_it_is_open(project: Project, store: Store) -> None:
    store.client.set_experiment_tag(store.runs, "a tag", "written")
    names = {file.name for file in project.paths.mlruns.glob("mlflow.db*")}
    assert names == {"mlflow.db"}
    copy = shutil.copyfile(project.paths.mlruns / "mlflow.db", project.root / "copy.db")
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT value FROM experiment_tags WHERE key = 'a tag'").fetchall() == [("written",)]


@pytest.mark.parametrize("module", ["publish", "current", "registry", "ui"])
def test_importing_the_package_does_not_import_mlflow(module: str) -> None:
    code = f"import sys, electrode_bench.tracking.{module}; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_store_can_be_named(project: Project) -> None:
    with open_store(project, uri=f"sqlite:///{project.root}/elsewhere/runs.db") as store:
        assert store.local
        assert store.client.get_experiment(store.runs).name == "electrodes"
    assert (project.root / "elsewhere" / "runs.db").exists()
    assert not project.paths.mlruns.exists()
