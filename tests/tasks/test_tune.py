"""Sweeps of a finished project: what a study sees, what MLflow has of it, and what an end in the middle leaves."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from support import forks
from support.serving import free_port
from support.small_sweeps import small_params, small_sweep, stored

from electrode_bench import params
from electrode_bench.core.process import DriverProcess
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Project
from electrode_bench.tasks import tune
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning.plan import plan_studies
from electrode_bench.tuning.storage import all_studies, storage_url


def test_no_trial_sees_the_outer_test_rows(project: Project, tmp_path: Path) -> None:
    """With wrong targets in all of them, a sweep draws the same trials and gives them the same values."""
    poisoned = Project(tmp_path / "poisoned")
    shutil.copytree(project.root, poisoned.root, ignore=shutil.ignore_patterns("mlruns"))
    outer = project.protocol_folds("grouped")[0]
    table = project.table()
    table.loc[table[ID].isin(outer.test_ids), list(TARGETS)] = 1e6
    table.to_parquet(poisoned.paths.table)
    (clean,) = small_sweep(project, small_params(), trials=4)
    (dirty,) = small_sweep(poisoned, small_params(), trials=4)
    assert clean.part == dirty.part == "grouped/fold-0"
    assert clean.study == dirty.study
    values = [
        [(trial.params, trial.result.values) for trial in stored(each, clean.study).trials()]
        for each in (project, poisoned)
    ]
    assert values[0] == values[1]
    (spec,) = plan_studies(project, small_params(), model="rf_magpie", nested=False)
    assert set(spec.outer.frame.index) == set(spec.outer.targets.index) == set(outer.train_ids)
    inner = [set(fold.test_ids) for fold in spec.outer.folds]
    assert set.union(*inner) == set(outer.train_ids)
    assert not set.intersection(*inner)


def test_nested_tunes_on_every_outer_fold(project: Project) -> None:
    studies = small_sweep(project, small_params(), trials=1, nested=True)
    assert [study.part for study in studies] == ["grouped/fold-0", "grouped/fold-1", "grouped/fold-2"]
    assert len({study.study for study in studies}) == 3


def test_a_study_and_its_trials_are_runs_that_name_each_other(project: Project) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=3)
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        runs = {
            run.data.tags["kind"] + run.data.tags.get("trial", ""): run
            for run in search(store.client, experiment.experiment_id, "")
        }
        files = {file.path for file in store.client.list_artifacts(runs["sweep"].info.run_id)}
    assert sorted(runs) == ["sweep", "trial0", "trial1", "trial2"]
    parent = runs["sweep"]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best"] == tuned.summary["best"]
    assert parent.data.tags["best_run_id"] == runs[f"trial{tuned.summary['best_trial']}"].info.run_id
    assert files == {"plots.html", "study.json", "trials.csv"}
    assert "test rows were not seen" in parent.data.tags["mlflow.note.content"]
    for trial in stored(project, tuned.study).trials():
        run = runs[f"trial{trial.number}"]
        assert trial.run_id == run.info.run_id
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.metrics["objective"] == trial.result.values[0]
        folds = [run.data.metrics[f"average_voltage/fold-{i}"] for i in range(2)]
        assert run.data.metrics["average_voltage/smae"] == pytest.approx(np.mean(folds))
        assert run.data.params["n_estimators"] == str(trial.params["n_estimators"])
        assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "complete")
        assert run.data.metrics["resources/seconds"] > 0


def test_a_study_elsewhere_survives_a_deleted_mlruns(project: Project, tmp_path: Path) -> None:
    url = f"journal:///{tmp_path / 'elsewhere' / 'studies.journal'}"
    command = _command(project, "-w", "1", "--json", "--storage", url, "-n", "1")
    # In a process of its own: MLflow does not notice that its database was deleted.
    done = forks.run(command, check=True, capture_output=True)
    (first,) = json.loads(done.stdout)["studies"]
    assert (first["created"], first["summary"]["trials"]) == (True, 1)
    shutil.rmtree(project.paths.mlruns)
    (again,) = small_sweep(project, params.load(project.paths.params), trials=2, storage=url)
    assert (again.created, again.summary["trials"]) == (False, 2)
    # The run of the study, and that of the one new trial.
    assert len(_runs(project)) == 2


def test_configured_values_outside_the_space_are_reported_beside_the_progress(project: Project) -> None:
    text = project.paths.params.read_text(encoding="utf-8")
    project.paths.params.write_text(text.replace("min_samples_leaf: 1\n", "min_samples_leaf: 40\n"))
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "160"}
    leader, follower = pty.openpty()
    shown, command = "", _command(project, "-n", "1", "-w", "1")
    with forks.Process(command, stdout=subprocess.DEVNULL, stderr=follower, env=env) as run:
        os.close(follower)
        # A full terminal that nobody reads stops the program; the end of it is an error on Linux.
        with suppress(OSError):
            while part := os.read(leader, 1 << 16):
                shown += part.decode(errors="replace")
    assert run.returncode == 0, shown
    assert "1/1 trials" in shown
    line = "no trial tries the configured values, because these are outside the search space: min_samples_leaf"
    assert line in shown
    # The bar is removed before a line is printed: nothing of it stands before the line.
    assert "trials" not in shown.partition(line)[0].rpartition("\x1b[2K")[2]


@pytest.mark.parametrize(
    ("model", "sweep", "message"),
    [
        ("control", {}, "control has no search space"),
        ("rf_magpie", {"fold": "fold-9"}, r"sweep.fold: grouped has no fold 'fold-9'; did you mean 'fold-"),
        ("rf_magpie", {"spaces": {"rf_magpi": {}}}, "unknown model 'rf_magpi'"),
        (
            "rf_magpie",
            {"spaces": {"rf_magpie": {"trees": None}}},
            "sweep.spaces.rf_magpie: 'trees' is not in the search",
        ),
    ],
)
def test_a_sweep_that_is_not_possible_is_an_error(
    project: Project, model: str, sweep: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        tune.run(project, small_params(**sweep), model=model, trials=1, executor=Local())


def test_a_model_from_outside_the_package_is_tuned(project: Project) -> None:
    given = small_params(spaces={})
    outside = {**given.models, "fragile": {"module": "support.fragile_model"}}
    values = given.model_copy(update={"models": outside})
    (tuned,) = tune.run(project, values, model="fragile", trials=2, executor=Local())
    assert tuned.study.startswith("fragile-grouped-fold-0-")
    assert tuned.summary["trials"] == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_sweep_that_is_ended_can_be_continued(project: Project, how: signal.Signals) -> None:
    env = {**os.environ, "COLUMNS": "200"}
    log = project.root / "log"
    with log.open("wb") as out, forks.Process(_command(project, "-n", "400", "-w", "2"), env=env, stderr=out) as run:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and _ended(project) < 2:
            time.sleep(0.2)
        run.send_signal(how)
        code = run.wait(timeout=60)
    if how == signal.SIGTERM:
        assert code == 130
        assert "run the command again" in log.read_text()
        assert _open_runs(project) == []
    else:
        left = _open_runs(project)
        assert left != []
        assert tune.reap(project)[1] == len(left)
        assert _open_runs(project) == []
    ended = _ended(project)
    (last,) = small_sweep(project, params.load(project.paths.params), trials=ended + 1)
    assert last.summary["trials"] == ended + 1
    assert last.summary["given_up"] <= 2
    (listed,) = tune.list_studies(project).to_dict("records")
    assert (listed["study"], listed["trials"]) == (last.study, ended + 1)


def test_a_run_whose_driver_was_killed_before_it_wrote_the_result_gets_it(project: Project, dead_process: int) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=1)
    (trial,) = stored(project, tuned.study).trials()
    with open_store(project) as store:
        store.client.update_run(trial.run_id, status="RUNNING")
        dead = DriverProcess(os.uname().nodename, dead_process)
        store.client.set_tag(trial.run_id, "driver", json.dumps(dead.as_json()))
    assert tune.reap(project) == (0, 1)
    with open_store(project) as store:
        assert store.client.get_run(trial.run_id).info.status == "FINISHED"


def test_a_study_stays_open_while_any_driver_works_at_it(project: Project) -> None:
    """Its run names the driver that came last: that one is dead, but another one has a trial under way."""
    (tuned,) = small_sweep(project, small_params(), trials=1)
    study = stored(project, tuned.study)
    trial = study.optuna.ask()
    trial.set_user_attr("driver", DriverProcess.this_process().as_json())
    with open_store(project) as store:
        store.client.update_run(study.run_id, status="RUNNING")
        dead = DriverProcess("another host", 1)
        store.client.set_tag(study.run_id, "driver", json.dumps(dead.as_json()))
    assert tune.reap(project, silent_for=0.0) == (0, 0)
    assert _open_runs(project) == [study.run_id]
    study.optuna.tell(trial, 1.0)
    assert tune.reap(project, silent_for=0.0) == (0, 1)


def test_the_study_run_stays_open_while_another_driver_has_trials_under_way(project: Project) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=1)
    study = stored(project, tuned.study)
    other = study.optuna.ask()
    other.set_user_attr("driver", DriverProcess.this_process().as_json())
    small_sweep(project, small_params(), trials=2)
    assert len(_open_runs(project)) == 1
    study.optuna.tell(other, state=optuna.trial.TrialState.FAIL)
    small_sweep(project, small_params(), trials=2)
    assert _open_runs(project) == []


def test_the_search_space_of_a_study_is_read_back(project: Project) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=1)
    (spec,) = plan_studies(project, small_params(), model="rf_magpie", nested=False)
    study = stored(project, tuned.study)
    assert study.space == dict(spec.space)
    assert study.space["n_estimators"].low == 50
    assert "max_features" not in study.space
    assert study.base == spec.base


def test_a_lost_tracking_store_says_to_run_the_sweep_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match="run: the same command again"):
        small_sweep(project, small_params(), trials=1)


def test_studies_are_listed(project: Project) -> None:
    assert tune.list_studies(project).empty
    (tuned,) = small_sweep(project, small_params(), trials=2)
    expected = {"study": tuned.study, "model": "rf_magpie", "part": "grouped/fold-0", "trials": 2}
    rows = tune.list_studies(project)
    pd.testing.assert_frame_equal(rows[list(expected)], pd.DataFrame([expected]))


def _command(project: Project, *options: str) -> list[str]:
    return [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", *options]


def _ended(project: Project) -> int:
    """How many trials have ended in all studies."""
    url = storage_url(project, None)
    if not (project.paths.mlruns / "studies.journal").exists():
        return 0
    return sum(study.count() for study in all_studies(url))


def _runs(project: Project, query: str = "") -> list[str]:
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        return [run.info.run_id for run in search(store.client, experiment.experiment_id, query)]


def _open_runs(project: Project) -> list[str]:
    return _runs(project, "attributes.status = 'RUNNING'")
