"""The address of the tracking store."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.locations import ARTIFACT_ROOT, artifact_location, tracking_uri


def test_the_address_is_the_projects_file_unless_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    own = f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert tracking_uri(project) == own
    monkeypatch.setenv("MLFLOW_TRACKING_URI", " ")
    assert tracking_uri(project) == own
    for name, unfit in (("what?", r"\?"), ("100%25", "%25")):
        with pytest.raises(UserError, match=f"has a '{unfit}' in its path"):
            tracking_uri(Project(tmp_path / name))
    odd = tmp_path / "it's [b] ü 100% #1 & $x; {y}"
    assert tracking_uri(Project(odd)) == f"sqlite:///{odd}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert tracking_uri(project) == "http://host:5000"


def test_a_folder_in_the_place_of_the_database_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mlruns" / "mlflow.db"
    file.mkdir(parents=True)
    with pytest.raises(UserError) as error:
        tracking_uri(Project(tmp_path))
    assert str(error.value) == f"{file} is a folder where the database of the runs belongs; move it away"


def test_files_lie_beside_a_database_file_or_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artifact_location(f"sqlite:///{tmp_path}/mlflow.db") == (tmp_path / "artifacts").as_uri()
    assert artifact_location("http://host:5000") is None
    monkeypatch.setenv(ARTIFACT_ROOT, "s3://bucket/runs/")
    assert artifact_location("postgresql://host/runs") == "s3://bucket/runs"
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path))
    assert artifact_location("postgresql://host/runs") == tmp_path.as_uri()
