"""A sweep whose studies are in PostgreSQL: with MLflow's server and a Ray cluster, and with neither."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support import forks, postgresql
from support.serving import mlflow_server
from support.small_sweeps import small_params, small_sweep

from electrode_bench import params
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.locations import ARTIFACT_ROOT
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning.storage import all_studies, load_study, open_storage

# These tests share one Ray cluster and one PostgreSQL server.
pytestmark = [pytest.mark.xdist_group("ray"), postgresql.needed]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    postgresql.close_connections()


def _runs(project: Project, uri: str) -> tuple[Any, list[Any], set[str]]:
    """The study's run, those of its trials, and the names of the study's files."""
    with open_store(project, uri=uri) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        runs = search(store.client, experiment.experiment_id, "")
        (parent,) = [run for run in runs if run.data.tags["kind"] == "sweep"]
        trials = sorted((r for r in runs if r.data.tags["kind"] == "trial"), key=lambda r: int(r.data.tags["trial"]))
        files = Path(store.client.download_artifacts(parent.info.run_id, ""))
        assert "<h2>History</h2>" in (files / "plots.html").read_text(encoding="utf-8")
        return parent, trials, {file.name for file in files.iterdir()}


def _check_runs(project: Project, *, uri: str, url: str, study: str, trials: int) -> list[Any]:
    """The runs of the trials: one per trial, below the study's run, closed, and named by the stored trial."""
    parent, runs, files = _runs(project, uri)
    assert files == {"plots.html", "study.json", "trials.csv"}
    known = load_study(url, study).trials()
    assert [trial.has_ended for trial in known] == [True] * trials
    assert [run.data.tags["trial"] for run in runs] == [str(number) for number in range(trials)]
    assert [run.info.run_id for run in runs] == [trial.run_id for trial in known]
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
    assert {run.info.status for run in (parent, *runs)} == {"FINISHED"}
    assert parent.data.tags["study"] == study
    return runs


def test_the_command_on_a_cluster_with_studies_and_runs_on_servers(
    ray_nodes: Any, server: str, project: Project, tmp_path: Path
) -> None:
    (project.paths.mlruns / "mlflow.db").unlink()
    url = postgresql.database(server, "studies-on-ray")
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", "-n", "2",
               "--backend", "ray", "--gpus-per-trial", "0.25", "--storage", url, "--json"]  # fmt: skip
    with mlflow_server(tmp_path / "server", postgresql.database(server, "runs-on-ray")) as uri:
        env = {**os.environ, "RAY_ADDRESS": ray_nodes.address, "MLFLOW_TRACKING_URI": uri}
        done = forks.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        # MLflow prints a line for each run that a server closes, unless told not to.
        (one,) = json.loads(done.stdout)["studies"]
        assert one["summary"]["trials"] == 2
        runs = _check_runs(project, uri=uri, url=url, study=one["study"], trials=2)
    assert Counter(run.data.tags["device"] for run in runs) == {"cpu": 2}
    assert all(run.data.tags["worker"].startswith(f"{os.uname().nodename}:") for run in runs)
    # Nothing went into the project's own store.
    assert not (project.paths.mlruns / "mlflow.db").exists()
    assert not (project.paths.mlruns / "studies.journal").exists()


def test_a_plain_address_of_postgresql_is_enough_for_studies_and_runs(
    server: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Artifacts need a place too; another place, for example on another host, is an error."""
    url, uri = (postgresql.database(server, name) for name in ("studies", "runs"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"keeps no files; set .* to a place that every host sees"):
        small_sweep(project, small_params(), trials=2, storage=url)
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "the lab's files"))
    (tuned,) = small_sweep(project, small_params(), trials=2, storage=url)
    _check_runs(project, uri=uri, url=url, study=tuned.study, trials=2)
    assert len(list((tmp_path / "the lab's files").rglob("plots.html"))) == 1
    # A database has no page; `electrode-bench ui` shows it.
    assert tuned.url.startswith("http://127.0.0.1:5000/#/experiments/")
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"keeps the files of 'electrodes' in file:.*, not in file:.*/elsewhere"):
        small_sweep(project, small_params(), trials=2, storage=url)


def test_studies_and_runs_cannot_share_a_database(
    server: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of Optuna and MLflow conflict, whichever came first."""
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "files"))
    first, second = (postgresql.database(server, name) for name in ("runs-first", "studies-first"))
    with (
        open_store(project, uri=first),
        pytest.raises(UserError, match="studies need a database of their own") as caught,
    ):
        open_storage(first)
    assert "\n" not in str(caught.value)
    open_storage(second)
    with pytest.raises(UserError, match=r"holds Optuna's studies; MLflow needs a database of its own"):
        current_runs(project, uri=second)


def _connections(server: str, name: str, *, allowed: bool) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allowed).lower()}')
        if not allowed:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def test_a_storage_lost_during_a_sweep_is_one_line_and_the_study_continues(
    server: str, project: Project, tmp_path: Path
) -> None:
    url = postgresql.database(server, "lost")
    open_storage(url)
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", "-n", "400",
               "-w", "1", "--storage", url]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as out, forks.Process(command, stderr=out, stdout=out) as run:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and _ended(url) < 2 and run.poll() is None:
            time.sleep(0.2)
        _connections(server, "lost", allowed=False)
        assert run.wait(timeout=60) == 2
    lines = log.read_text().splitlines()
    assert re.search(
        r"^error: the study storage postgresql://.*/lost was lost: .*run the command again to continue$", lines[-1]
    )
    assert "Traceback" not in " ".join(lines)
    _connections(server, "lost", allowed=True)
    ended = _ended(url)
    (tuned,) = small_sweep(project, params.load(project.paths.params), trials=ended + 1, storage=url)
    assert (tuned.created, tuned.summary["trials"], tuned.summary["failed"]) == (False, ended + 1, 0)
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        assert search(store.client, experiment.experiment_id, "attributes.status = 'RUNNING'") == []


def _ended(url: str) -> int:
    return sum(study.count() for study in all_studies(url))
