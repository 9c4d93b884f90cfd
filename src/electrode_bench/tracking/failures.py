"""Stores that cannot be used, and failures of MLflow, as one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from electrode_bench.core.addresses import masked
from electrode_bench.core.databases import refusal
from electrode_bench.errors import UserError
from electrode_bench.tracking import sqlite_store
from electrode_bench.tracking.locations import (
    artifact_location,
    is_database_server,
    require_well_formed,
    sqlite_file,
)

#: Seconds that a writer waits for another one.
PATIENCE = 600


def results_safe(again: str) -> str:
    """The end of a message: nothing is lost, and what to run."""
    return f"the results are safe; fix this and run: {again}"


def require_usable(uri: str) -> None:
    """Refuse at once, before anything is connected to, what MLflow would try for minutes or explain at length."""
    require_well_formed(uri)
    if is_database_server(uri):
        artifact_location(uri)
    file = sqlite_file(uri)
    if file is not None and file.is_file() and file.stat().st_size:
        with file.open("rb") as stream:
            if stream.read(16) != b"SQLite format 3\x00":
                raise UserError(sqlite_store.damaged(file, "is not an SQLite database"))


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
        (r"out-of-date database schema", "another version of MLflow made it; copy it, then run: mlflow db upgrade URI"),
        (r"disk is full|No space left on device", "the disk is full"),
        (r"readonly database|unable to open database file|Permission denied", "it or its folder cannot be written to"),
        (r"database is locked", "another program keeps it locked"),
        (r"disk image is malformed", "its file is damaged; restore it from a backup, or rename it and publish again"),
    ):
        if re.search(pattern, text):
            return reason
    return masked(text)[:200]
