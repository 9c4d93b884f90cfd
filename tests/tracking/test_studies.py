"""Studies in MLflow: their page opens, and their description leads to trials, plots and the comparison."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import chromium, fresh_store, mlflow_page
from support.mlflow_page import Notebook
from support.small_sweeps import small_params, small_sweep, stored

from electrode_bench.project import Project
from electrode_bench.tasks.tune import TunedStudy
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.links import artifact_link, comparison_link, run_link
from electrode_bench.tracking.store import PORT, open_store

pytestmark = pytest.mark.xdist_group("a sweep on MLflow's page")


@dataclass
class Sweep:
    """A project with one study of four trials, in MLflow."""

    project: Project
    tuned: TunedStudy
    experiment: str
    note: str


def _tune(project: Project, *, trials: int) -> TunedStudy:
    (tuned,) = small_sweep(project, small_params(), trials=trials)
    return tuned


@pytest.fixture(scope="module")
def sweep(finished: Project, fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    project = Project(tmp_path_factory.mktemp("swept") / "project")
    shutil.copytree(finished.root, project.root, ignore=shutil.ignore_patterns("mlruns", ".cache"))
    fresh_store.given(fresh, project)
    tuned = _tune(project, trials=4)
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie").experiment_id
        (run,) = search(store.client, experiment, "tags.kind = 'sweep'")
    return Sweep(project, tuned, experiment, run.data.tags["mlflow.note.content"])


def test_the_description_leads_to_trials_comparison_plots_and_table(sweep: Sweep) -> None:
    study = stored(sweep.project, sweep.tuned.study)
    best, run_id = sweep.tuned.summary["best_trial"], str(study.run_id)
    links = dict(re.findall(r"\[([^]]+)\]\(([^)]+)\)", sweep.note))
    trials = sorted(study.complete(), key=lambda trial: (trial.result.values[0], trial.number))
    assert links[f"best trial: {best}"] == run_link(sweep.experiment, str(trials[0].run_id))
    assert links["compared"] == comparison_link(sweep.experiment, [str(trial.run_id) for trial in trials])
    assert links["plots"] == artifact_link(sweep.experiment, run_id, "plots.html")
    assert links["table"] == artifact_link(sweep.experiment, run_id, "trials.csv")
    # Ordered by a metric: MLflow would fold a list of the newest first into the study.
    assert "orderByKey=metrics.%60objective%60&orderByAsc=true" in links["all trials, the best first"]
    assert "4 trials: " in sweep.note
    assert f"electrode-bench sweep adopt {study.name}" in sweep.note


def test_a_trial_leads_back_to_its_study(sweep: Sweep) -> None:
    study = stored(sweep.project, sweep.tuned.study)
    with open_store(sweep.project) as store:
        run = store.client.get_run(study.trials()[2].run_id)
    note = run.data.tags["mlflow.note.content"]
    assert f"Trial 2 of [{study.name}]({run_link(sweep.experiment, str(study.run_id))})" in note
    assert {"n_estimators", "min_samples_leaf", "targets"} <= set(run.data.params)


def test_the_compared_runs_are_the_best_fifty_at_most(sweep: Sweep) -> None:
    addresses = re.findall(r"\(([^)]*compare-runs[^)]*)\)", sweep.note)
    assert len(addresses) == 1
    assert len(addresses[0]) < 2000


@pytest.fixture(scope="module")
def notebook(sweep: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with mlflow_page.opened(sweep.project, profile=tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@chromium.needed
def test_the_printed_address_shows_the_study_among_trained_models(sweep: Sweep, notebook: Notebook) -> None:
    address = sweep.tuned.url.replace(f":{PORT}/", f":{notebook.port}/")
    text = notebook.open(
        address, sweep.tuned.study, "4 trials: ", "best trial", "its test rows were not seen", "trials/pruned", "plots"
    )
    # Entries of MLflow's menu for language models.
    assert "Judges" not in text
    assert "Playground" not in text
    notebook.follow("searchFilter", "4 matching runs", "Sort: objective", "trial 0000", "trial 0003")


@chromium.needed
def test_a_server_gets_a_sweep_and_nothing_is_printed(
    sweep: Sweep, notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", notebook.base)
    more = _tune(sweep.project, trials=5)
    assert (more.created, more.summary["trials"]) == (False, 5)
    # MLflow prints the address of each run that it ends on a server, also into the output of --json.
    assert capfd.readouterr().out == ""
    notebook.open(more.url, "5 trials: ")
