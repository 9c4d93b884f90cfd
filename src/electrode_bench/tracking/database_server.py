"""Database servers that keep runs: asking one whether it can be used, and opening it one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from electrode_bench.core.addresses import masked
from electrode_bench.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Seconds in which a server must answer, and in which one without a free connection must have one again.
_CONNECT_TIMEOUT, _PATIENCE = 10, 120

#: The number of the lock under which tables and experiments are made: "electrodes" in a phone's letters.
_LOCK = 3532876337


def require_mlflow(uri: str) -> None:
    """Connect once, where MLflow would try for most of an hour.

    Raises
    ------
    UserError
        When the driver is not installed, or the database is one of Optuna's studies.
    sqlalchemy.exc.SQLAlchemyError
        When there is no connection.
    """
    from sqlalchemy import inspect

    try:
        with _connection(uri) as connection:
            tables = set(inspect(connection).get_table_names())
    except ImportError:
        raise UserError(
            f"the driver of {masked(uri)} is not installed; for PostgreSQL, install it with: make postgresql"
        ) from None
    if "studies" in tables and "experiments" not in tables:
        # Both programs have a table of the same name: alembic_version.
        raise UserError(
            f"{masked(uri)} holds Optuna's studies; MLflow needs a database of its own, make it with: createdb mlflow"
        )


@contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """Let no other process, on any host, make tables or experiments in this database meanwhile."""
    from sqlalchemy import text

    if not urlsplit(uri).scheme.startswith("postgresql"):
        # Elsewhere MLflow is left to itself.
        yield
        return
    with _connection(uri) as connection:
        # PostgreSQL gives the lock back when the connection ends, also when this process is killed.
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _LOCK})
        yield


@contextmanager
def _connection(uri: str) -> Iterator[Connection]:
    """A connection of its own; waits when the server has no free one."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    options = {"connect_timeout": _CONNECT_TIMEOUT} if urlsplit(uri).scheme.startswith("postgresql") else {}
    engine, deadline = create_engine(uri, poolclass=NullPool, connect_args=options), time.monotonic() + _PATIENCE
    while True:
        try:
            connection = engine.connect()
            break
        except OperationalError as error:
            full = "too many clients" in str(error) or "remaining connection slots" in str(error)
            if not full or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    with connection:
        yield connection
