"""MLflow's own page opens and shows our runs, and our links lead where they should."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import chromium, mlflow_page, tracked_runs
from support.mlflow_page import Notebook

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.ui import pages, ui_command

pytestmark = pytest.mark.xdist_group("MLflow's page")


def test_the_command_is_quoted_and_a_server_needs_none(tmp_path: Path) -> None:
    project = Project(tmp_path / "a b")
    words = shlex.split(ui_command(project, port=5001))
    assert words[words.index("--backend-store-uri") + 1] == tracking_uri(project)
    assert words[words.index("--default-artifact-root") + 1] == (project.paths.mlruns / "artifacts").as_uri()
    assert words[words.index("--port") + 1] == "5001"
    with pytest.raises(UserError, match="open http://me@host:5000 in a browser"):
        ui_command(project, uri="http://me:pw@host:5000")


def test_there_is_no_page_before_anything_is_published(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no runs are published"):
        pages(Project(tmp_path))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Notebook, Project, dict[str, str]]]:
    """A browser on MLflow's page, the project with two published runs, and the ids of the runs by model."""
    project = Project(tmp_path_factory.mktemp("project"))
    names = ("control", "rf_magpie")
    published = tracked_runs.publish(project, *(tracked_runs.make(project.root, name, "grouped") for name in names))
    with mlflow_page.opened(project, profile=tmp_path_factory.mktemp("profile")) as notebook:
        yield notebook, project, {run.model: run.run_id for run in published}


@chromium.needed
def test_the_page_shows_the_runs_and_their_errors_by_target(
    opened: tuple[Notebook, Project, dict[str, str]],
) -> None:
    notebook, project, _ = opened
    _, address = pages(project, port=notebook.port)
    text = notebook.open(address, "rf_magpie · grouped", "control · grouped", "average_voltage/mae")
    # Folds have an experiment of their own.
    assert "fold-0 ·" not in text
    assert "2 matching runs" in text


@chromium.needed
def test_the_comparison_has_all_current_runs(opened: tuple[Notebook, Project, dict[str, str]]) -> None:
    notebook, project, _ = opened
    address, _ = pages(project, port=notebook.port)
    text = notebook.open(address, "Comparing 2 Runs", "average_voltage/mae", "control · grouped")
    assert text.index("control · grouped") < text.index("rf_magpie · grouped")


@chromium.needed
def test_the_description_of_a_run_leads_to_its_control(opened: tuple[Notebook, Project, dict[str, str]]) -> None:
    notebook, _, runs = opened
    address = f"{notebook.base}/#/experiments/1/runs/{runs['rf_magpie']}"
    notebook.open(address, "RF@Magpie", "its run on the same data and split", "Synthetic data")
    notebook.follow(runs["control"], "control · grouped", "this is the control")
