"""Opening the tracking store: its experiments, its lock, and the settings of MLflow."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from electrode_bench.core.addresses import masked
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking import database_server, sqlite_store
from electrode_bench.tracking.failures import PATIENCE, require_usable, results_safe, user_errors
from electrode_bench.tracking.links import CURRENT, charts_link, run_link
from electrode_bench.tracking.locations import (
    ARTIFACT_ROOT,
    artifact_location,
    is_database_server,
    is_server,
    sqlite_file,
    tracking_uri,
)

if TYPE_CHECKING:
    from filelock import FileLock
    from mlflow import MlflowClient

#: The experiment of runs, and that of their folds: MLflow's page of runs then holds runs only.
RUNS, FOLDS = "electrodes", "electrodes/folds"

#: Where `electrode-bench ui` listens unless told otherwise.
PORT = 5000

_RUNS_NOTE = (
    "One run per model and protocol. Newest runs only: `tags.current = 'true'`. "
    "Runs with equal `control_run_id` were tested on the same data and split and may be compared. "
    f"Their folds are in the experiment `{FOLDS}`."
)
_FOLDS_NOTE = f"One run per fold of the runs in `{RUNS}`. Group by the tag `run`, or follow a run's link to its folds."

#: Warnings of MLflow about its own use of other libraries.
_MLFLOW_WARNINGS = (r"The ``noload`` loader strategy is deprecated", r".*Any type hint is inferred as AnyType")


@dataclass(frozen=True)
class Store:
    """An open tracking store: a client, the ids of both experiments, and the lock that writers take."""

    client: MlflowClient
    uri: str
    runs: str
    folds: str
    lock: FileLock

    @property
    def local(self) -> bool:
        """Whether the store is an SQLite file, which is written to under the lock only."""
        return sqlite_file(self.uri) is not None

    def base(self, port: int = PORT) -> str:
        """The address of MLflow's page. A database has none of its own: `electrode-bench ui` shows it on ``port``."""
        return masked(self.uri).rstrip("/") if is_server(self.uri) else f"http://127.0.0.1:{port}"

    def url(self, run_id: str) -> str:
        """The page of a run."""
        return f"{self.base()}/{run_link(self.runs, run_id)}"

    def page(self, port: int = PORT) -> str:
        """The page that shows the current runs side by side."""
        return f"{self.base(port)}/{charts_link(self.runs, CURRENT)}"


@contextmanager
def open_store(project: Project, *, uri: str | None = None, again: str = "electrode-bench publish") -> Iterator[Store]:
    """Open the project's tracking store, or the one at ``uri``. An SQLite file that does not exist is made.

    Parameters
    ----------
    again : the command to run once a store that cannot be used has been repaired, for the error message.

    Raises
    ------
    UserError
        When the store cannot be reached or used; results are not touched.
    """
    from filelock import FileLock

    uri = tracking_uri(project) if uri is None else uri
    require_usable(uri)
    file = sqlite_file(uri)
    folder = project.paths.mlruns if file is None else file.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror}); {results_safe(again)}") from error
    lock = FileLock(folder / ".publish.lock", timeout=PATIENCE)
    # MLflow 3 reports its use to its makers unless told not to, and prints two lines for each run that a server
    # closes, which would end up in the output of --json.
    with (
        environment(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true"),
        _quiet(),
        user_errors(uri, again),
    ):
        from mlflow import MlflowClient

        # A server that is down shows within seconds; MLflow would try for minutes.
        with environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_TIMEOUT="10"), lock:
            # Processes that make the tables or the experiments of a fresh database at the same time collide.
            if file is not None:
                sqlite_store.prepare(file, experiment=RUNS)
            elif is_database_server(uri):
                database_server.require_mlflow(uri)
            with database_server.one_at_a_time(uri):
                client = MlflowClient(tracking_uri=uri)
                runs = experiment_id(client, RUNS, uri=uri, note=_RUNS_NOTE)
                folds = experiment_id(client, FOLDS, uri=uri, note=_FOLDS_NOTE)
        with environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="3", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1"):
            yield Store(client, uri, runs, folds, lock)


def experiment_id(client: MlflowClient, name: str, *, uri: str, note: str) -> str:
    """Id of an experiment. It is made with the description ``note`` when missing, and restored when deleted.

    Raises
    ------
    UserError
        When the experiment keeps its files elsewhere than the store's address says.
    """
    from mlflow.exceptions import MlflowException

    location = artifact_location(uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # The kind decides with which pages MLflow opens it.
        tags = {"mlflow.note.content": note, "mlflow.experimentKind": "custom_model_development"}
        try:
            return str(client.create_experiment(name, artifact_location=location, tags=tags))
        except MlflowException:
            # Another machine made it on this server a moment ago.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    actual = experiment.artifact_location
    if location is not None and actual.rstrip("/") != location and not sqlite_store.same_folder(actual, location):
        remedy = "" if sqlite_file(uri) is not None else f"set {ARTIFACT_ROOT} to that place, or "
        raise UserError(
            f"{masked(uri)} keeps the files of '{name}' in {masked(actual)}, not in {masked(location)}; "
            f"{remedy}use the http:// address of the server that made it"
        )
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


@contextmanager
def environment(**defaults: str) -> Iterator[None]:
    """Set environment variables that are not set, within the block: MLflow reads them on each call."""
    added = [name for name in defaults if name not in os.environ]
    os.environ.update({name: defaults[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that MLflow prints about its tables and examples, and its warnings about itself."""
    with warnings.catch_warnings():
        for message in _MLFLOW_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        import mlflow  # noqa: F401 (the import sets the levels of its loggers)

        loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "mlflow.pyfunc", "alembic")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
