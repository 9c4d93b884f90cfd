"""Stores of MLflow without a run, copied from one that was made once: MLflow takes seconds to make the tables."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from electrode_bench.project import Layout
from electrode_bench.tracking import runs as tracking


def made(root: Path) -> Path:
    """The database of a fresh store in the project at ``root``."""
    layout = Layout(root)
    with tracking.opened(layout, uri=tracking.tracking_uri(layout, {})):
        pass
    return layout.mlruns / "mlflow.db"


def copied(fresh: Path, to: Path, sql: str, *values: str) -> None:
    """A copy in which the experiments were changed by ``sql``."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(fresh, to)
    with closing(sqlite3.connect(to)) as connection, connection:
        connection.execute(sql, values)


def given(fresh: Path, layout: Layout) -> None:
    """Give a project a store of its own, with its own place for files."""
    place = (layout.mlruns.absolute() / "artifacts").as_uri()
    copied(fresh, layout.mlruns / "mlflow.db", "update experiments set artifact_location = ?", place)
