"""A sweep of a finished project: what it sees, what MLflow and params.yaml have of it afterwards."""

from __future__ import annotations

import dataclasses
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

import numpy as np
import pandas as pd
import pytest
import yaml
from support.serving import free_port
from support.small_sweeps import small_params, small_sweep

from electrode_bench import models, params, splits
from electrode_bench.core.digests import digest
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Local
from electrode_bench.params import Params
from electrode_bench.project import Layout
from electrode_bench.stages import fit
from electrode_bench.tasks import tune as stage
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning import driver
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.storage import storage


def cell_table(layout: Layout) -> str:
    """Digest of the project's table, as its cells have it."""
    return json.loads(layout.cell("rf_magpie", "grouped").read_text())["digests"]["table"]


def _values(layout: Layout, study: str) -> list[tuple[dict, list[float] | None]]:
    import optuna

    loaded = optuna.load_study(study_name=study, storage=storage(stage.storage_url(layout, None)))
    return [(t.params, t.values) for t in loaded.trials]


def test_no_trial_sees_the_outer_test_rows(project: Layout, tmp_path: Path) -> None:
    """With wrong targets in all of them, a sweep draws the same trials and gives them the same values."""
    poisoned = Layout(tmp_path / "poisoned")
    shutil.copytree(project.root, poisoned.root, ignore=shutil.ignore_patterns("mlruns"))
    outer = splits.read_folds(project.folds)["grouped"][0]
    table = pd.read_parquet(poisoned.table)
    test = table[ID].isin(outer.test_ids)
    table.loc[test, list(TARGETS)] = 1e6
    table.to_parquet(poisoned.table)
    (clean,) = small_sweep(project, small_params(), trials=4)
    (dirty,) = small_sweep(poisoned, small_params(), trials=4)
    assert clean.part == dirty.part == "grouped/fold-0"
    assert clean.study == dirty.study
    assert _values(project, clean.study) == _values(poisoned, dirty.study)
    setting, *_ = stage.settings(project, small_params(), model="rf_magpie", nested=False)
    assert set(setting.part.frame.index) == set(setting.part.targets.index) == set(outer.train_ids)
    inner = [set(fold.test_ids) for fold in setting.part.folds]
    assert set.union(*inner) == set(outer.train_ids)
    assert not set.intersection(*inner)


def test_nested_tunes_on_every_outer_fold(project: Layout) -> None:
    made = small_sweep(project, small_params(), trials=1, nested=True)
    assert [m.part for m in made] == ["grouped/fold-0", "grouped/fold-1", "grouped/fold-2"]
    assert len({m.study for m in made}) == 3


def test_a_study_and_its_trials_are_runs_that_name_each_other(project: Layout) -> None:
    (made,) = small_sweep(project, small_params(), trials=3)
    uri = tracking_uri(project)
    with open_store(project, uri=uri) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        runs = {
            r.data.tags["kind"] + r.data.tags.get("trial", ""): r
            for r in search(store.client, experiment.experiment_id, "")
        }
        plots = {a.path for a in store.client.list_artifacts(runs["sweep"].info.run_id)}
    assert sorted(runs) == ["sweep", "trial0", "trial1", "trial2"]
    parent = runs["sweep"]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best"] == made.summary["best"]
    assert parent.data.tags["best_run_id"] == runs[f"trial{made.summary['best_trial']}"].info.run_id
    assert plots == {"plots.html", "study.json", "trials.csv"}
    assert "test rows were not seen" in parent.data.tags["mlflow.note.content"]
    import optuna

    study = optuna.load_study(study_name=made.study, storage=storage(stage.storage_url(project, None)))
    for trial in study.trials:
        run = runs[f"trial{trial.number}"]
        assert trial.user_attrs["run_id"] == run.info.run_id
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.metrics["objective"] == trial.values[0]
        folds = [run.data.metrics[f"average_voltage/fold-{i}"] for i in range(2)]
        assert run.data.metrics["average_voltage/smae"] == pytest.approx(np.mean(folds))
        assert run.data.params["n_estimators"] == str(trial.params["n_estimators"])
        assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "complete")
        assert run.data.metrics["cost/seconds"] > 0


def test_a_deleted_mlruns_costs_no_study_elsewhere(project: Layout, tmp_path: Path) -> None:
    url = f"journal:///{tmp_path / 'elsewhere' / 'studies.journal'}"
    command = [
        sys.executable,
        "-m",
        "electrode_bench",
        "-p",
        str(project.root),
        "sweep",
        "rf_magpie",
        "-w",
        "1",
        "--json",
    ]
    # In a process of its own: MLflow does not see that its database was deleted.
    done = subprocess.run([*command, "--storage", url, "-n", "1"], check=True, capture_output=True)
    (first,) = json.loads(done.stdout)["studies"]
    assert (first["created"], first["summary"]["trials"]) == (True, 1)
    shutil.rmtree(project.mlruns)
    (again,) = small_sweep(project, params.load(project.params), trials=2, storage=url)
    assert (again.created, again.summary["trials"]) == (False, 2)
    # The study's, and that of the one trial that was new.
    assert len(_runs(project)) == 2


def test_what_was_adopted_is_in_params_and_in_the_cells_that_it_makes(project: Layout) -> None:
    text = project.params.read_text(encoding="utf-8")
    above = "  # Said of the next model.\n  modnet:\n"
    project.params.write_text(text.replace("  modnet:\n", above, 1))
    given = params.load(project.params)
    (made,) = small_sweep(project, given, trials=4)
    before = project.params.read_text(encoding="utf-8")
    stored, again = stage.check(project, given, study=made.study)
    assert stored == again
    adopted = stage.adopt(project, given, study=made.study)
    after = project.params.read_text(encoding="utf-8")
    new = params.load(project.params)
    config = fit.configured(new, "rf_magpie")
    assert config.model_dump(mode="json").items() >= made.summary["best_values"].items()
    assert adopted.value == made.summary["best"]
    # Nothing but this model's lines has changed, and no comment is lost.
    comments = [[line.partition("#")[2] for line in text.splitlines() if "#" in line] for text in (before, after)]
    assert comments[0] == comments[1]
    assert above in after
    changed = set(after.splitlines()) - set(before.splitlines())
    assert {line.split(":")[0].strip() for line in changed} <= {
        *adopted.changes,
        "adopted",
        "study",
        "trial",
        "part",
        "config",
        "table",
    }
    assert stage.check(project, new, study=made.study) == (stored, again)
    tuning = {"study": made.study, "trial": adopted.trial, "part": "grouped/fold-0", "state": "not_nested"}
    table = cell_table(project)
    assert fit.tuning(new, "rf_magpie", table=table) == tuning
    assert fit.tuning(new, "rf_magpie", table="another") == {**tuning, "state": "other_data"}
    assert fit.tuning(new, "control", table=table) is None
    cell = fit.run(project, new, model="rf_magpie", protocol="grouped")
    assert cell.about["tuning"] == tuning
    edited = yaml.safe_load(after)
    edited["models"]["rf_magpie"]["n_estimators"] = 77
    assert fit.tuning(Params(**edited), "rf_magpie", table=table) == {**tuning, "state": "edited"}
    edited["models"]["rf_magpie"]["adopted"]["tral"] = 1
    with pytest.raises(UserError, match=r"models.rf_magpie.adopted: unknown key 'tral'; did you mean 'trial'"):
        models.configure("rf_magpie", edited["models"]["rf_magpie"])


def test_a_study_does_not_begin_with_what_was_tuned_on_its_test_rows(project: Layout) -> None:
    given = params.load(project.params)
    (made,) = small_sweep(project, given, trials=2)
    stage.adopt(project, given, study=made.study, trial=1)
    before, after = fit.configured(given, "rf_magpie"), fit.configured(params.load(project.params), "rf_magpie")
    assert before != after
    now = params.load(project.params)
    # The same part: its test rows were not seen by the study that found the values.
    (same,) = stage.settings(project, now, model="rf_magpie", nested=False)
    assert (same.base, same.part.name) == (after, "grouped/fold-0")
    nested = stage.settings(project, now, model="rf_magpie", nested=True)
    assert {s.part.name for s in nested} == {"grouped/fold-0", "grouped/fold-1", "grouped/fold-2"}
    assert all(s.base == before for s in nested)
    other = now.model_copy(update={"sweep": now.sweep.model_copy(update={"fold": "fold-1"})})
    (one,) = stage.settings(project, other, model="rf_magpie", nested=False)
    assert one.base == before
    lines: list[str] = []
    small_sweep(project, other, trials=1, told=lines.append)
    assert any(f"what was configured before {made.study} was adopted" in line for line in lines)
    project.sweep_record("rf_magpie").unlink()
    with pytest.raises(UserError, match=r"sweeps/rf_magpie.json of .* is not there: restore it from git"):
        stage.settings(project, other, model="rf_magpie", nested=False)


def test_what_speaks_against_an_adoption_is_told(project: Layout) -> None:
    given = params.load(project.params)
    (made,) = small_sweep(project, given, trials=4)
    trials = _values(project, made.study)
    values = [v[0] for _, v in trials if v]
    worst = values.index(max(values))
    assert max(values) > made.summary["configured"]
    kind = [w.partition(" (")[0] for w in stage.adopt(project, given, study=made.study, trial=worst).warnings]
    # The project has the record of a study of the sample already.
    assert "worse than what was configured" in kind
    again = stage.adopt(project, params.load(project.params), study=made.study).warnings
    assert again == ()
    path = project.sweep_record("rf_magpie")
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "study": "another", "data": {**known["data"], "md5": "other"}}))
    (told,) = stage.adopt(project, params.load(project.params), study=made.study).warnings
    assert told == "the record of another, of other data was replaced; git has it if it was committed"


@pytest.mark.parametrize(
    ("study", "trial", "message"),
    [("rf_magpie-nothing", None, "no study 'rf_magpie-nothing' in journal"), (None, 9, "has no complete trial 9")],
)
def test_what_cannot_be_adopted_is_an_error(
    project: Layout, study: str | None, trial: int | None, message: str
) -> None:
    (made,) = small_sweep(project, small_params(), trials=1)
    text = project.params.read_text(encoding="utf-8")
    with pytest.raises(UserError, match=message):
        stage.adopt(project, small_params(), study=study or made.study, trial=trial)
    assert project.params.read_text(encoding="utf-8") == text


def test_a_pruned_trial_cannot_be_adopted(project: Layout) -> None:
    """Optuna keeps as its value the last that it reported, of a part of the folds."""
    import optuna

    (made,) = small_sweep(project, small_params(), trials=1)
    study = optuna.load_study(study_name=made.study, storage=storage(stage.storage_url(project, None)))
    pruned = study.ask()
    pruned.report(0.01, 1)
    study.tell(pruned, state=optuna.trial.TrialState.PRUNED)
    assert study.trials[1].values == [0.01]
    with pytest.raises(UserError, match="has no complete trial 1"):
        stage.adopt(project, small_params(), study=made.study, trial=1)


def test_what_is_configured_and_not_tried_is_told_beside_the_progress(project: Layout) -> None:
    text = project.params.read_text(encoding="utf-8")
    project.params.write_text(text.replace("min_samples_leaf: 1\n", "min_samples_leaf: 40\n"))
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "sweep", "rf_magpie", "-n", "1"]
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "160"}
    leader, follower = pty.openpty()
    shown = ""
    with subprocess.Popen([*command, "-w", "1"], stdout=subprocess.DEVNULL, stderr=follower, env=env) as run:
        os.close(follower)
        # A terminal that nobody reads holds the program up when it is full; its end is an error on Linux.
        with suppress(OSError):
            while part := os.read(leader, 1 << 16):
                shown += part.decode(errors="replace")
    assert run.returncode == 0
    assert "1/1 trials" in shown
    told = "no trial tries what is configured: outside the search space is min_samples_leaf"
    assert told in shown
    # The bar is taken away before a line is printed: what stands before it on its line is no part of one.
    assert "trials" not in shown.partition(told)[0].rpartition("\x1b[2K")[2]


@pytest.mark.parametrize(
    ("model", "sweep", "message"),
    [
        ("control", {}, "control has nothing to tune"),
        ("rf_magpie", {"fold": "fold-9"}, r"sweep.fold: grouped has no fold 'fold-9'; did you mean 'fold-"),
        ("rf_magpie", {"spaces": {"rf_magpi": {}}}, "unknown model 'rf_magpi'"),
        (
            "rf_magpie",
            {"spaces": {"rf_magpie": {"trees": None}}},
            "sweep.spaces.rf_magpie: 'trees' is not in the search",
        ),
    ],
)
def test_a_sweep_that_cannot_be_is_an_error(project: Layout, model: str, sweep: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        stage.run(project, small_params(**sweep), model=model, trials=1, executor=Local())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["told to end", "killed"])
def test_a_sweep_that_is_ended_leaves_nothing_open_and_goes_on(project: Layout, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root)]
    env = {**os.environ, "COLUMNS": "200"}
    log = project.root / "log"
    endless = [*command, "sweep", "rf_magpie", "-n", "400", "-w", "2"]
    with log.open("wb") as out, subprocess.Popen(endless, env=env, stderr=out) as run:
        url = stage.storage_url(project, None)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and len(_ended(url)) < 2:
            time.sleep(0.2)
        run.send_signal(how)
        code = run.wait(timeout=60)
    told = log.read_text()
    if how == signal.SIGTERM:
        assert code == 130
        assert "run the command again to go on" in told
        assert _open(project) == []
    else:
        left = _open(project)
        assert left != []
        assert stage.reap(project)[1] == len(left)
        assert _open(project) == []
    done = len(_ended(url))
    (last,) = small_sweep(project, params.load(project.params), trials=done + 1)
    assert last.summary["trials"] == done + 1
    assert last.summary["given_up"] <= 2
    (listed,) = stage.listed(project).to_dict("records")
    assert (listed["study"], listed["trials"]) == (last.study, done + 1)


def test_a_study_stays_open_while_any_driver_works_at_it(project: Layout) -> None:
    """Its run names the driver that came last: that one is gone, and another one has a trial under way."""
    import optuna

    (made,) = small_sweep(project, small_params(), trials=1)
    study = optuna.load_study(study_name=made.study, storage=storage(stage.storage_url(project, None)))
    trial = study.ask()
    trial.set_user_attr("driver", dataclasses.asdict(driver.Driver.here()))
    run_id = study.user_attrs["run_id"]
    with open_store(project) as store:
        store.client.update_run(run_id, status="RUNNING")
        gone = driver.Driver("another host", 1, "")
        store.client.set_tag(run_id, "driver", json.dumps(dataclasses.asdict(gone)))
    assert stage.reap(project, silent_for=0.0) == (0, 0)
    assert _open(project) == [run_id]
    study.tell(trial, 1.0)
    assert stage.reap(project, silent_for=0.0) == (0, 1)


def _ended(url: str) -> list[int]:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if not Path(url.removeprefix("journal://")).exists():
        return []
    # Read anew: another process writes.
    store = JournalStorage(JournalFileBackend(url.removeprefix("journal://")))
    names = optuna.get_all_study_names(store)
    trials = [t for name in names for t in optuna.load_study(study_name=name, storage=store).trials]
    return [t.number for t in trials if t.state.is_finished() and not t.user_attrs.get("given_up")]


def _runs(layout: Layout, query: str = "") -> list[str]:
    with open_store(layout) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        return [run.info.run_id for run in search(store.client, experiment.experiment_id, query)]


def _open(layout: Layout) -> list[str]:
    return _runs(layout, "attributes.status = 'RUNNING'")


def test_the_space_of_a_study_is_read_back(project: Layout) -> None:
    import optuna

    (made,) = small_sweep(project, small_params(), trials=1)
    setting, *_ = stage.settings(project, small_params(), model="rf_magpie", nested=False)
    study = optuna.load_study(study_name=made.study, storage=storage(stage.storage_url(project, None)))
    assert studies.space(study) == dict(setting.space)
    assert digest(made.study) != ""


def test_a_studys_run_stays_open_while_another_driver_has_trials_under_way(project: Layout) -> None:
    import optuna

    (made,) = small_sweep(project, small_params(), trials=1)
    study = optuna.load_study(study_name=made.study, storage=storage(stage.storage_url(project, None)))
    other = study.ask()
    other.set_user_attr("driver", dataclasses.asdict(driver.Driver.here()))
    small_sweep(project, small_params(), trials=2)
    assert len(_open(project)) == 1
    study.tell(other, state=optuna.trial.TrialState.FAIL)
    small_sweep(project, small_params(), trials=2)
    assert _open(project) == []


def test_a_store_that_is_lost_says_to_run_the_sweep_again(project: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UserError, match="put it right and run: the same command again"):
        small_sweep(project, small_params(), trials=1)
