"""A sweep whose studies are in PostgreSQL: with MLflow's server and a Ray cluster, and with neither."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from sqlalchemy import Engine
from support import postgresql
from support.serving import mlflow_server
from support.small_sweeps import small_params, small_sweep

from electrode_bench import params
from electrode_bench.errors import UserError
from electrode_bench.project import Layout
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.locations import ARTIFACT_ROOT
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning import driver
from electrode_bench.tuning.storage import storage

# One cluster for all; and one PostgreSQL server.
pytestmark = [pytest.mark.xdist_group("ray"), postgresql.needed]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    """Optuna's and MLflow's pools live as long as the process: psycopg warns of what the collector finds in them."""
    yield
    for found in gc.get_objects():
        if type(found) is Engine and found.dialect.name == "postgresql":
            found.dispose()


def _runs(layout: Layout, uri: str) -> tuple[Any, list[Any], set[str]]:
    """The study's run, those of its trials, and the names of the study's files."""
    with open_store(layout, uri=uri) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        runs = search(store.client, experiment.experiment_id, "")
        (parent,) = [run for run in runs if run.data.tags["kind"] == "sweep"]
        trials = sorted((r for r in runs if r.data.tags["kind"] == "trial"), key=lambda r: int(r.data.tags["trial"]))
        files = Path(store.client.download_artifacts(parent.info.run_id, ""))
        assert "<h2>History</h2>" in (files / "plots.html").read_text(encoding="utf-8")
        return parent, trials, {file.name for file in files.iterdir()}


def _traced(layout: Layout, *, uri: str, url: str, study: str, trials: int) -> list[Any]:
    """The trials' runs: each trial once, below the study, closed, and named by its trial in the study."""
    parent, runs, files = _runs(layout, uri)
    assert files == {"plots.html", "study.json", "trials.csv"}
    known = optuna.load_study(study_name=study, storage=storage(url)).trials
    assert [t.state.is_finished() for t in known] == [True] * trials
    assert [run.data.tags["trial"] for run in runs] == [str(number) for number in range(trials)]
    assert [run.info.run_id for run in runs] == [t.user_attrs["run_id"] for t in known]
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
    assert {run.info.status for run in (parent, *runs)} == {"FINISHED"}
    assert parent.data.tags["study"] == study
    return runs


def test_the_command_on_a_cluster_with_studies_and_runs_on_servers(
    ray_nodes: Any, server: str, project: Layout, tmp_path: Path
) -> None:
    (project.mlruns / "mlflow.db").unlink()
    url = postgresql.database(server, "studies-on-ray")
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", "-n", "3",
               "--backend", "ray", "--gpus-per-trial", "0.25", "--storage", url, "--json"]  # fmt: skip
    with mlflow_server(tmp_path / "server", postgresql.database(server, "runs-on-ray")) as uri:
        env = {**os.environ, "RAY_ADDRESS": ray_nodes.address, "MLFLOW_TRACKING_URI": uri}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        # MLflow prints a line for each run that a server closes, unless told not to.
        (one,) = json.loads(done.stdout)["studies"]
        assert one["summary"]["trials"] == 3
        runs = _traced(project, uri=uri, url=url, study=one["study"], trials=3)
    assert Counter(run.data.tags["device"] for run in runs) == {"cpu": 3}
    assert all(run.data.tags["worker"].startswith(f"{os.uname().nodename}:") for run in runs)
    # Nothing went into the project's own store.
    assert not (project.mlruns / "mlflow.db").exists()
    assert not (project.mlruns / "studies.journal").exists()


def test_a_plain_address_of_postgresql_is_enough_for_studies_and_runs(
    server: str, project: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where artifacts go; another place for them, on another host say, is told."""
    url, uri = (postgresql.database(server, name) for name in ("studies", "runs"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="keeps no files, so name a place for them that every host sees"):
        small_sweep(project, small_params(), trials=2, storage=url)
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "the lab's files"))
    (made,) = small_sweep(project, small_params(), trials=2, storage=url)
    _traced(project, uri=uri, url=url, study=made.study, trials=2)
    assert len(list((tmp_path / "the lab's files").rglob("plots.html"))) == 1
    # A database has no page; `electrode-bench ui` shows it.
    assert made.url.startswith("http://127.0.0.1:5000/#/experiments/")
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"keeps the files of 'electrodes' in file:.*, not in file:.*/elsewhere"):
        small_sweep(project, small_params(), trials=2, storage=url)


def test_studies_and_runs_in_one_database_are_told(
    server: str, project: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna's tables and MLflow's spoil each other, whichever came first."""
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "files"))
    first, second = (postgresql.database(server, name) for name in ("runs-first", "studies-first"))
    with open_store(project, uri=first), pytest.raises(UserError, match="studies need one of their own") as caught:
        storage(first)
    assert "\n" not in str(caught.value)
    storage(second)
    with pytest.raises(UserError, match=r"holds Optuna's studies; MLflow needs a database of its own"):
        current_runs(project, uri=second)


def _connections(server: str, name: str, *, allowed: bool) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allowed).lower()}')
        if not allowed:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def test_a_storage_that_is_lost_in_mid_sweep_is_one_line_and_the_study_goes_on(
    server: str, project: Layout, tmp_path: Path
) -> None:
    url = postgresql.database(server, "lost")
    storage(url)
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", "-n", "400",
               "-w", "1", "--storage", url]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(command, stderr=out, stdout=out) as run:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and _ended(url) < 2 and run.poll() is None:
            time.sleep(0.2)
        _connections(server, "lost", allowed=False)
        assert run.wait(timeout=60) == 2
    told = log.read_text().splitlines()
    assert re.search(r"^error: the storage postgresql://.*/lost was lost: .*run the command again to go on$", told[-1])
    assert "Traceback" not in " ".join(told)
    _connections(server, "lost", allowed=True)
    done = _ended(url)
    (made,) = small_sweep(project, params.load(project.params), trials=done + 1, storage=url)
    assert (made.created, made.summary["trials"], made.summary["failed"]) == (False, done + 1, 0)
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        assert search(store.client, experiment.experiment_id, "attributes.status = 'RUNNING'") == []


def _ended(url: str) -> int:
    names = optuna.get_all_study_names(storage(url))
    return sum(driver.counted(optuna.load_study(study_name=name, storage=storage(url))) for name in names)
