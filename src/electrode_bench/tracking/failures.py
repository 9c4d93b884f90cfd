"""Stores that cannot be used, and failures of MLflow, as one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from electrode_bench.core.addresses import masked
from electrode_bench.core.databases import refusal
from electrode_bench.errors import UserError
from electrode_bench.tracking.locations import artifact_location, is_database_server, sqlite_file

#: Seconds that a writer waits for another one.
PATIENCE = 600

#: Seconds in which a database server must answer.
_CONNECT_TIMEOUT = 10


def results_safe(again: str) -> str:
    """The end of a message: nothing is lost, and what to run."""
    return f"the results are safe; fix this and run: {again}"


def require_usable(uri: str, again: str) -> None:
    """Refuse at once what MLflow would try for minutes or explain at length."""
    file = sqlite_file(uri)
    if urlsplit(uri).scheme in ("", "file"):
        raise UserError(
            f"MLFLOW_TRACKING_URI is '{uri}', a folder, which MLflow no longer writes to; unset it, "
            "or name a server (http://...) or a database (sqlite:///...)"
        )
    if is_database_server(uri):
        _require_answer(uri, again)
    if file is not None and file.exists() and file.stat().st_size:
        with file.open("rb") as stream:
            if stream.read(16) != b"SQLite format 3\x00":
                raise UserError(
                    f"{file} is not an SQLite database; delete {file.parent} and run: electrode-bench publish"
                )


def _require_answer(uri: str, again: str) -> None:
    """Try a database server once, where MLflow would try for most of an hour; and whether it holds Optuna's tables."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    artifact_location(uri)
    options = {"connect_timeout": _CONNECT_TIMEOUT} if urlsplit(uri).scheme.startswith("postgresql") else {}
    try:
        engine = create_engine(uri, poolclass=NullPool, connect_args=options)
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
    except ImportError:
        raise UserError(
            f"the driver of {masked(uri)} is not installed; for PostgreSQL, install it with: make postgresql"
        ) from None
    except SQLAlchemyError as error:
        raise UserError(
            f"MLflow's store {masked(uri)} cannot be used: {_reason(error)}; {results_safe(again)}"
        ) from error
    if "studies" in tables and "experiments" not in tables:
        # Both programs have a table of the same name: alembic_version.
        raise UserError(
            f"{masked(uri)} holds Optuna's studies; MLflow needs a database of its own, make it with: createdb mlflow"
        )


@contextmanager
def user_errors(uri: str, again: str) -> Iterator[None]:
    """Failures of the store as one line."""
    from filelock import Timeout
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except Timeout as error:
        raise UserError(
            f"another process has held {error.lock_file} for {PATIENCE} s; wait for it or end it, then run: {again}"
        ) from error
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        raise UserError(
            f"MLflow's store {masked(uri)} cannot be used: {_reason(error)}; {results_safe(again)}"
        ) from error


def _reason(error: Exception) -> str:
    """The informative part of MLflow's long messages, in one line and without passwords."""
    text = " ".join(str(error).split())
    refused = refusal(text)
    if refused is not None:
        return refused
    for pattern, reason in (
        # MLflow tries these again and again, and then says so first.
        (r"CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted; name it in MLFLOW_TRACKING_SERVER_CERT_PATH"),
        (r"Connection refused|NewConnectionError|NameResolutionError|Max retries", "no server answers there"),
        (r"timed out", "the server does not answer in time"),
        (
            r"error code 401|401 Client Error",
            "the server refuses access; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        ),
        (
            r"error code 403|403 Client Error",
            "the server does not allow this user to do it; ask its administrator for a role that may write",
        ),
        (r"error code 413|413 Client Error", "the server refuses files of this size; raise client_max_body_size there"),
        (r"out-of-date database schema", "an older MLflow made it; delete mlruns, or run mlflow db upgrade on it"),
    ):
        if re.search(pattern, text):
            return reason
    return masked(text)[:200]
