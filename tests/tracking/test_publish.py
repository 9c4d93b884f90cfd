"""Runs in MLflow: real MLflow on SQLite, and on a real server on loopback."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import forks, fresh_store, tracked_runs
from support.electrodes import table
from support.serving import mlflow_server
from support.tracked_runs import Made, publish

from electrode_bench.core.schema import ID
from electrode_bench.project import Project
from electrode_bench.stages import fit
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.publish import publish_run, publish_runs
from electrode_bench.tracking.store import Store, open_store

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("tracking")


def runs_by_name(store: Store, experiment: str) -> dict[str, Any]:
    """Runs that are not deleted, by name."""
    runs = store.client.search_runs([experiment], max_results=1000)
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


def test_a_run_has_its_scores_provenance_and_files(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    (published,) = publish(project, (record, source))
    run = store.client.get_run(published.run_id)
    assert (run.info.run_name, run.info.status) == (record.run_name, "FINISHED")
    assert published.url.startswith(f"http://127.0.0.1:5000/#/experiments/{store.runs}/runs/{published.run_id}")

    over_folds = record.scores[record.scores["fold"] == "all"]
    for row in over_folds.itertuples():
        assert run.data.metrics[f"{row.target}/{row.metric}"] == pytest.approx(row.value)
        assert run.data.metrics[f"{row.target}_std/{row.metric}"] == pytest.approx(row.spread)
    resources = list(record.resources.values())
    assert len(resources) == 3
    assert run.data.metrics["resources/seconds"] == pytest.approx(sum(fold["seconds"] for fold in resources))
    assert run.data.metrics["resources/peak_rss_mb"] == pytest.approx(max(fold["peak_rss_mb"] for fold in resources))
    assert run.data.params["n_estimators"] == "5"
    assert run.data.params | {"seed": "7", "composition": "discharged", "feature_set": "magpie_mean"} == run.data.params

    digests = record.run.digests
    expected = {
        "kind": "run", "model": "rf_magpie", "protocol": "stratified", "run": "rf_magpie · stratified",
        "split_digest": digests.split, "table_digest": digests.table, "feature_digest": digests.features,
        "code_digest": digests.code, "params_digest": digests.config, "run_digest": digests.run,
        "data_md5": source.data["md5"], "data_source": "sample", "synthetic": "true", "git_commit": "0" * 40,
        "git_dirty": "false", "dvc_lock_sha": "1" * 64, "device": "cpu", "complete": "true", "current": "true",
    }  # fmt: skip
    assert run.data.tags | expected == run.data.tags
    assert json.loads(run.data.tags["versions"]) == record.run.versions
    assert "control_run_id" not in run.data.tags
    assert "tuning" not in run.data.tags

    dataset = run.inputs.dataset_inputs[0].dataset
    assert (dataset.digest, dataset.name) == (digests.table[:36], "made up, 1")
    assert json.loads(dataset.profile)["num_rows"] == 40

    files = Path(store.client.download_artifacts(run.info.run_id, ""))
    pd.testing.assert_frame_equal(pd.read_parquet(files / "predictions.parquet"), record.run.predictions)
    assert json.loads((files / "cell.json").read_text()) == record.run.record()
    assert len(pd.read_csv(files / "scores.csv")) == len(record.scores)
    assert (files / "parity" / "parity.png").read_bytes().startswith(b"\x89PNG")
    assert table(40)[ID].iloc[0] in (files / "parity" / "parity.html").read_text()


def test_a_tuned_run_says_which_trial_it_comes_from(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    tuning = {"state": "not_nested", "study": "a study", "trial": "3", "outer_fold": "grouped/fold-0"}
    before, tuned = publish(project, (record, source), (dataclasses.replace(record, tuning=tuning), source))
    assert tuned.run_id != before.run_id
    expected = {
        "tuning": "not_nested", "tuning_study": "a study", "tuning_trial": "3", "tuning_outer_fold": "grouped/fold-0",
    }  # fmt: skip
    folds = store.client.search_runs([store.folds], f"tags.mlflow.parentRunId = '{tuned.run_id}'")
    assert len(folds) == 3
    for run in (store.client.get_run(tuned.run_id), *folds):
        assert run.data.tags | expected == run.data.tags


def test_scores_that_changed_are_published_again(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    doubled = record.scores.assign(value=record.scores["value"] * 2)
    before, after = publish(project, (record, source), (dataclasses.replace(record, scores=doubled), source))
    assert after.created
    old, new = (store.client.get_run(run.run_id).data for run in (before, after))
    assert new.metrics["average_voltage/mae"] == pytest.approx(2 * old.metrics["average_voltage/mae"])
    assert old.tags["superseded_by"] == after.run_id
    assert old.tags["mlflow.runName"].startswith("superseded · rf_magpie · stratified · ")


def test_the_lock_entry_is_added_once_dvc_has_written_it(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    (before,) = publish(project, (dataclasses.replace(record, lock_digest=None), source))
    assert "dvc_lock_sha" not in store.client.get_run(before.run_id).data.tags
    (after,) = publish(project, (dataclasses.replace(record, lock_digest="2" * 64), source))
    assert (after.run_id, after.created) == (before.run_id, False)
    tagged = [store.client.get_run(before.run_id), *runs_by_name(store, store.folds).values()]
    assert {run.data.tags["dvc_lock_sha"] for run in tagged} == {"2" * 64}


def test_folds_are_child_runs_in_their_own_experiment(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    (published,) = publish(project, (record, source))
    assert list(runs_by_name(store, store.runs)) == [record.run_name]
    folds = runs_by_name(store, store.folds)
    assert sorted(folds) == [f"fold-{i} · {record.run_name}" for i in range(3)]
    for run in folds.values():
        key = run.data.tags["fold"]
        expected = {"kind": "fold", "mlflow.parentRunId": published.run_id, "device": "cpu"}
        assert run.data.tags | expected == run.data.tags
        assert run.data.tags["run_digest"] == record.run.digests.run
        rows = record.scores[(record.scores["fold"] == key) & (record.scores["target"] == "average_voltage")]
        for row in rows.itertuples():
            assert run.data.metrics[f"average_voltage/{row.metric}"] == pytest.approx(row.value)
        assert run.data.params["seed"] == str(record.run.folds[key].seed)
        assert run.data.metrics["rows/test"] == record.run.folds[key].n_test
        resources = record.resources[key]
        assert run.data.metrics["resources/seconds"] == pytest.approx(resources["seconds"])
        assert run.info.start_time == round(1000 * pd.Timestamp(resources["started"]).timestamp())
        assert run.info.end_time - run.info.start_time == pytest.approx(1000 * resources["seconds"], abs=1)
        assert run.info.status == "FINISHED"


def test_nan_scores_and_unknown_resources_are_left_out(project: Project, store: Store, made: dict[str, Made]) -> None:
    record, source = made["control stratified"]
    scores = record.scores.copy()
    scores.loc[scores["metric"] == "r2_2sigma", "value"] = np.nan
    resources = {"fold-0": record.resources["fold-0"]}
    changed = dataclasses.replace(record, scores=scores, resources=resources, model=None)
    (published,) = publish(project, (changed, source))
    metrics = store.client.get_run(published.run_id).data.metrics
    assert "average_voltage/r2_2sigma" not in metrics
    assert "average_voltage/r2" in metrics
    # The sum over some folds would look like a total.
    assert "resources/seconds" not in metrics
    assert "resources/seconds" in runs_by_name(store, store.folds)[f"fold-0 · {changed.run_name}"].data.metrics


def test_publishing_again_creates_nothing(project: Project, store: Store, made: dict[str, Made]) -> None:
    runs = [made["control stratified"], made["rf_magpie stratified"], made["rf_magpie bootstrap"]]
    mlruns = project.paths.mlruns
    first = publish(project, *runs)
    before = (mlruns / "mlflow.db").read_bytes(), sorted(mlruns.rglob("*"))
    again = publish(project, *runs)
    assert [run.created for run in first + again] == [True] * 3 + [False] * 3
    assert [run.run_id for run in first] == [run.run_id for run in again]
    assert ((mlruns / "mlflow.db").read_bytes(), sorted(mlruns.rglob("*"))) == before
    assert len(runs_by_name(store, store.folds)) == 3 + 3 + 4


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A new store after six processes published into it at once, and a seventh was killed while it did."""
    root = tmp_path_factory.mktemp("processes") / "a project"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(tracked_runs.__file__)), str(root)]
    return Project(root), forks.run(command, capture_output=True, text=True, check=False, env=environment)


def test_six_processes_publish_into_a_new_store_at_once(
    processes: tuple[Project, subprocess.CompletedProcess[str]],
) -> None:
    project, done = processes
    # No "database is locked", and none of MLflow's own messages either.
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 0, 0, -9]\n", "")
    published = current_runs(project).set_index(["model", "protocol"])
    assert set(tracked_runs.SIX) <= set(published.index)
    for protocol in ("stratified", "grouped", "loco"):
        run_id = published.loc[("control", protocol), "run_id"]
        assert published.loc[("rf_magpie", protocol), "control_run_id"] == run_id


def test_a_publish_that_was_killed_is_completed_by_the_next(
    processes: tuple[Project, subprocess.CompletedProcess[str]],
) -> None:
    project, _ = processes
    name = "rf_magpie · bootstrap"
    with open_store(project) as store:

        def parents() -> list[str]:
            folds = [run.data.tags for run in runs_by_name(store, store.folds).values()]
            return [tags["mlflow.parentRunId"] for tags in folds if tags["run"] == name]

        def named() -> Any:
            (run,) = (run for run in runs_by_name(store, store.runs).values() if run.data.tags["run"] == name)
            return run

        dead = named()
        assert (dead.info.status, dead.data.tags["complete"]) == ("RUNNING", "false")
        assert parents() == [dead.info.run_id] * 4
        assert dead.info.run_id in {model.source_run_id for model in store.client.search_logged_models([store.runs])}
        current = current_runs(project)
        assert name not in set(current["model"] + " · " + current["protocol"])

        (published,) = publish(project, tracked_runs.make(project.root, *tracked_runs.KILLED))
        assert published.created
        alive = named()
        assert (alive.info.run_id, alive.data.tags["complete"]) == (published.run_id, "true")
        assert parents() == [published.run_id] * 4
        logged = {model.source_run_id for model in store.client.search_logged_models([store.runs])}
        assert dead.info.run_id not in logged
        assert published.run_id in logged


def test_runs_on_a_server_over_http(project: Project, made: dict[str, Made], fresh: Path) -> None:
    database = project.paths.mlruns / "server.db"
    # The server is to make the experiments itself, with files that go through it.
    fresh_store.copied(fresh, database, "update experiments set name = 'other ' || name")
    with mlflow_server(project.paths.mlruns, f"sqlite:///{database}") as uri:
        runs = [made["control stratified"], made["rf_magpie stratified"]]
        first = publish(project, *runs, uri=uri)
        again = publish(project, *runs, uri=uri)
        assert [run.created for run in first + again] == [True, True, False, False]
        assert current_runs(project, uri=uri)["control_run_id"].tolist() == [first[0].run_id] * 2
        assert first[1].url.startswith(f"{uri}/#/experiments/")
        with open_store(project, uri=uri) as store:
            names = {file.path for file in store.client.list_artifacts(first[1].run_id)}
        assert names == {"cell.json", "parity", "predictions.parquet", "scores.csv"}
        # Nothing went into the local store.
        assert not (project.paths.mlruns / "mlflow.db").exists()


def test_the_runs_of_a_finished_project_are_published(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    runs = project.runs("grouped")
    published: list[Any] = []
    assert publish_runs(project, runs, notify=published.append) == published
    assert [(run.model, run.protocol, run.created) for run in published] == [
        (run.model, run.protocol, True) for run in runs
    ]
    again = publish_run(project, runs[0])
    assert (again.run_id, again.created) == (published[0].run_id, False)
    digests = current_runs(project).set_index("model")["run_digest"].to_dict()
    assert digests == {run.model: run.digests.run for run in runs}


def test_a_model_that_cannot_be_saved_is_not_published_but_its_run_is(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    values = {"unsafe": {"module": "support.regressors.unsafe"}}
    run = fit.run(project, project.params().model_copy(update={"models": values}), model="unsafe", protocol="grouped")
    published = publish_run(project, run)
    assert published.created
    assert published.no_model.startswith("the model cannot be saved without pickle: ")
    assert not list((project.paths.cache / "models").glob("*/estimators.skops"))
    with open_store(project) as store:
        assert store.client.search_logged_models([store.runs]) == []
        assert store.client.get_run(published.run_id).data.tags["complete"] == "true"


def test_the_search_in_the_description_finds_the_folds(project: Project, store: Store, made: dict[str, Made]) -> None:
    published = publish(project, made["rf_magpie stratified"], made["control stratified"])
    text = store.client.get_run(published[0].run_id).data.tags["mlflow.note.content"]
    query = re.search(r"search there for `(.*)`", text)
    assert query is not None
    assert len(store.client.search_runs([store.folds], query[1])) == 3
