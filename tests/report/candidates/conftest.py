from __future__ import annotations

from pathlib import Path

import pytest
from support.projects import small_project

from electrode_bench.project import Project


@pytest.fixture
def project_without_map(tmp_path: Path) -> Project:
    """A project in which nothing was computed."""
    return small_project(tmp_path / "project")
