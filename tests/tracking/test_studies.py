"""A sweep on MLflow's own page: the study, its trials best first, their comparison, plots and table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import chromium, fresh_store, mlflow_page
from support.mlflow_page import Notebook
from support.small_sweeps import small_params, small_sweep

from electrode_bench.project import Layout
from electrode_bench.tasks import tune as stage
from electrode_bench.tracking import runs as tracking

pytestmark = [chromium.needed, pytest.mark.xdist_group("a sweep on MLflow's page")]


@dataclass
class Sweep:
    notebook: Notebook
    layout: Layout
    made: stage.Swept
    experiment: str
    #: By trial.
    runs: dict[int, str]

    @property
    def page(self) -> str:
        """The address that the command printed, on the port of this test."""
        return self.made.url.replace(f":{tracking.PORT}/", f":{self.notebook.port}/")


def _run(layout: Layout, *, trials: int) -> stage.Swept:
    (made,) = small_sweep(layout, small_params(), trials=trials)
    return made


@pytest.fixture(scope="module")
def sweep(finished: Layout, fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    layout = Layout(tmp_path_factory.mktemp("swept") / "project")
    shutil.copytree(finished.root, layout.root, ignore=shutil.ignore_patterns("mlruns", ".cache"))
    fresh_store.given(fresh, layout)
    made = _run(layout, trials=4)
    uri = tracking.tracking_uri(layout, {})
    with tracking.opened(layout, uri=uri) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie").experiment_id
        found = tracking.search(store, experiment, "tags.kind = 'trial'")
    runs = {int(r.data.tags["trial"]): r.info.run_id for r in found}
    with mlflow_page.opened(layout, profile=tmp_path_factory.mktemp("profile")) as shown:
        # The list of runs draws the columns that the window has room for.
        shown.driver.set_window_size(3200, 1200)
        yield Sweep(shown, layout, made, experiment, runs)


def test_the_printed_address_is_the_study_among_trained_models(sweep: Sweep) -> None:
    text = sweep.notebook.open(
        sweep.page,
        sweep.made.study,
        "4 trials: ",
        "best trial",
        "its test rows were not seen",
        "trials/pruned",
        "plots",
    )
    # MLflow's other menu, for language models, has these.
    assert "Judges" not in text
    assert "Playground" not in text


def test_the_experiment_shows_the_study_and_unfolds_its_trials(sweep: Sweep) -> None:
    base = f"{sweep.notebook.base}/#/experiments/{sweep.experiment}/runs?workflowType=machine_learning"
    text = sweep.notebook.open(base, sweep.made.study, "5 matching runs")
    assert "trial 0000" not in text
    plus = "document.querySelector('.ag-row button[class*=icon], .ag-row [role=button], .ag-row button').click()"
    sweep.notebook.driver.execute_script(plus)
    sweep.notebook.read("trial 0000", "trial 0003")


def test_the_study_leads_to_its_trials_the_best_first(sweep: Sweep) -> None:
    sweep.notebook.open(sweep.page, "all trials, the best first")
    # A list of the newest first would fold them into the study again.
    text = sweep.notebook.follow("searchFilter", "4 matching runs", "Sort: objective", "trial 0000", "trial 0003")
    names = [line for line in text.splitlines() if line.startswith("trial 00")]
    assert names[0] == f"trial {sweep.made.summary['best_trial']:04d}"
    more = "//*[starts-with(normalize-space(.), 'Show more columns')]"
    sweep.notebook.driver.find_elements(By.XPATH, more)[-1].click()
    sweep.notebook.read("objective", "intermediate_objective", "n_estimators", "min_samples_leaf")


def test_the_study_leads_to_its_best_trial_and_back(sweep: Sweep) -> None:
    best = sweep.made.summary["best_trial"]
    sweep.notebook.open(sweep.page, f"best trial: {best}")
    sweep.notebook.follow(sweep.runs[best], f"trial {best:04d}", f"Trial {best} of {sweep.made.study}", "n_estimators")
    sweep.notebook.follow(sweep.page.rpartition("runs/")[2].partition("?")[0], "4 trials: ")


def test_trials_are_compared_in_parallel_coordinates(sweep: Sweep) -> None:
    sweep.notebook.open(sweep.page, "compared")
    text = sweep.notebook.follow("compare-runs", "Parallel Coordinates Plot", "trial 0000", "n_estimators", "objective")
    assert "Judges" not in text


def test_plots_and_the_table_open(sweep: Sweep) -> None:
    sweep.notebook.open(sweep.page, "plots")
    sweep.notebook.follow("artifacts/plots.html", "plots.html", "study.json")
    WebDriverWait(sweep.notebook.driver, 60).until(lambda d: d.find_elements(By.TAG_NAME, "iframe"), "no plots")
    sweep.notebook.open(sweep.page, "table")
    sweep.notebook.follow("artifacts/trials.csv", "Previewing the first 4 rows", "complete")


def test_a_server_hears_of_a_sweep_and_nothing_is_printed(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sweep.notebook.base)
    more = _run(sweep.layout, trials=5)
    assert (more.created, more.summary["trials"]) == (False, 5)
    # MLflow prints the address of each run that it ends on a server: into the output of --json too.
    assert capfd.readouterr().out == ""
    sweep.notebook.open(more.url, "5 trials: ")
