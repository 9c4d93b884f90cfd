"""A project with an empty MLflow store, and runs to publish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import fresh_store, tracked_runs
from support.tracked_runs import Made, Published

from electrode_bench.project import Project
from electrode_bench.tracking.store import Store, open_store


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Runs by model and protocol; "rf_magpie other" has another configuration."""
    root = tmp_path_factory.mktemp("made")
    names = [(model, protocol) for model in ("control", "rf_magpie") for protocol in ("stratified", "bootstrap")]
    runs = {" ".join(name): tracked_runs.make(root, *name) for name in names}
    return {**runs, "rf_magpie other": tracked_runs.make(root, "rf_magpie", "stratified", n_estimators=6)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose path needs quoting."""
    return Project(tmp_path / "a project, 100% #1")


@pytest.fixture
def store(project: Project, fresh: Path) -> Iterator[Store]:
    """The project's store, open and empty."""
    fresh_store.given(fresh, project)
    with open_store(project) as opened:
        yield opened


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A project with the forest and the control published under grouped folds; for tests of the group "promotion"."""
    project = Project(tmp_path_factory.mktemp("published"))
    runs = {}
    for name in ("control", "rf_magpie"):
        made = tracked_runs.make(project.root, name, "grouped")
        runs[name] = (made, tracked_runs.publish(project, made)[0])
    return project, runs
