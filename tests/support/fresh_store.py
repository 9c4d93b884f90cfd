"""MLflow stores without runs, copied from one that was made once: MLflow takes seconds to make the tables."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from electrode_bench.project import Project
from electrode_bench.tracking.store import open_store


def made(root: Path) -> Path:
    """The database of a new store in the project at ``root``."""
    project = Project(root)
    with open_store(project):
        pass
    return project.paths.mlruns / "mlflow.db"


def copied(fresh: Path, to: Path, sql: str, *values: str) -> None:
    """Copy a store and change its experiments with ``sql``."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(fresh, to)
    with closing(sqlite3.connect(to)) as connection, connection:
        connection.execute(sql, values)


def given(fresh: Path, project: Project) -> None:
    """Give a project a store of its own, with its own place for files."""
    place = (project.paths.mlruns.absolute() / "artifacts").as_uri()
    copied(fresh, project.paths.mlruns / "mlflow.db", "update experiments set artifact_location = ?", place)
