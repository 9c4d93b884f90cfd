"""The stage publish logs every run and writes which ones, the same wherever they were published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from electrode_bench.project import Project
from electrode_bench.stages import publish
from electrode_bench.tracking.current import current_runs

#: In the group of the other tests that publish finished projects.
pytestmark = pytest.mark.xdist_group("promotion")


def test_every_run_is_published_once_the_control_first(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    # Two protocols are enough.
    for protocol in ("loco", "bootstrap"):
        for model in ("control", "rf_magpie"):
            shutil.rmtree(project.paths.run(model, protocol).parent)
    progress: list[tuple[int, int]] = []
    published = publish.run(project, progress=lambda *done: progress.append(done))
    assert [(run.model, run.protocol) for run in published] == [
        ("control", "grouped"), ("control", "stratified"), ("rf_magpie", "grouped"), ("rf_magpie", "stratified"),
    ]  # fmt: skip
    assert progress == [(done, 4) for done in range(5)]
    assert all(run.created for run in published)
    names = json.loads(project.paths.published.read_text())
    assert names == {f"{run.model}/{run.protocol}": run.digests.run for run in project.runs()}
    assert not any(run.created for run in publish.run(project))
    assert len(current_runs(project)) == 4
    # In another store the runs have other ids, and the file is the same.
    before = project.paths.published.read_bytes()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere/mlflow.db")
    assert all(run.created for run in publish.run(project))
    assert project.paths.published.read_bytes() == before
