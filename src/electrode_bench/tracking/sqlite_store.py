"""The SQLite file of a local store: made completely or not at all, and moved with its project.

MLflow makes its tables in about sixty steps, each of which is on disk at once. A file whose making was cut off can
never be used again. So the file is made under another name, and renamed when it is complete.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from electrode_bench.errors import UserError
from electrode_bench.tracking.locations import artifact_location

#: What SQLite puts beside a database while it writes.
_COMPANIONS = ("-journal", "-wal", "-shm")

#: Where MLflow's tables name the files of runs and models: table and column.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def prepare(file: Path, *, experiment: str) -> None:
    """Make the database when it is missing or its making was cut off, and correct its paths when it was moved.

    The caller holds the lock of the store.

    Parameters
    ----------
    experiment : the experiment whose place for files says where the database was when it was made.

    Raises
    ------
    UserError
        When the file is damaged, or was copied without the files of its runs.
    """
    try:
        if not file.exists() or not file.stat().st_size:
            _make(file)
        elif _cut_off(file):
            # It holds nothing, but it is not ours to delete.
            _rename(file, file.with_name(f"{file.name}.incomplete"))
            _make(file)
        else:
            _follow_move(file, experiment)
    except sqlite3.DatabaseError as error:
        if not isinstance(error, sqlite3.OperationalError):
            raise UserError(damaged(file, f"cannot be read ({error})")) from error
        raise


def damaged(file: Path, what: str) -> str:
    """What to do about a file that cannot be read. Studies, which cannot be made again, lie beside it."""
    return (
        f"{file} {what}; restore it from a backup, or rename it and run: electrode-bench publish "
        "(it logs all runs again; then promote the model again, too)"
    )


def _make(file: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    new = file.with_name(f"{file.name}.new")
    _remove(new)
    try:
        store = SqlAlchemyStore(f"sqlite:///{new}", artifact_location(f"sqlite:///{file}"))
        store.engine.dispose()
        with new.open("rb") as made:
            os.fsync(made.fileno())
        new.replace(file)
    finally:
        _remove(new)


def _remove(file: Path) -> None:
    for suffix in ("", *_COMPANIONS):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)


def _rename(file: Path, to: Path) -> None:
    _remove(to)
    for suffix in (*_COMPANIONS, ""):
        part = file.with_name(f"{file.name}{suffix}")
        if part.exists():
            part.replace(to.with_name(f"{to.name}{suffix}"))


def _cut_off(file: Path) -> bool:
    """Whether MLflow began to make tables in a file and did not finish: the first experiment comes last."""
    with closing(sqlite3.connect(file)) as database:
        tables = _tables(database)
        if not tables & {"experiments", "runs", "alembic_version"}:
            return False
        filled = [table for table in ("experiments", "runs", "registered_models") if table in tables]
        return not any(database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in filled)


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _follow_move(file: Path, experiment: str) -> None:
    """Let a database that was moved or copied with its files name their new place."""
    place = artifact_location(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as database, database:
        if "experiments" not in _tables(database):
            return
        row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", [experiment]).fetchone()
        if row is None or place is None:
            return
        former = str(row[0]).rstrip("/")
        if former == place or not former.startswith("file:") or same_folder(former, place):
            return
        (runs,) = database.execute("SELECT COUNT(*) FROM runs").fetchone()
        if runs and not _folder(place).exists() and _folder(former).exists():
            raise UserError(
                f"{file} was copied without the files of its runs; copy {_folder(former)} to {_folder(place)} as well"
            )
        for table, column in _PLACES:
            # The text that follows is a folder below, or nothing.
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                [place, len(former) + 1, former, len(former) + 1, f"{former}/"],
            )


def same_folder(one: str, other: str) -> bool:
    """Whether two file: addresses lead to one folder, through links for example."""
    return _folder(one).resolve() == _folder(other).resolve()


def _folder(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))
