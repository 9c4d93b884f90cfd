"""MLflow as the lab notebook: every cell is a run with its folds, traced to data, split, code and control.

The parquet files are the truth and MLflow a view of them: ``mlruns/`` can be deleted and published again.

How runs are laid out:

- Cells are runs of the experiment ``electrodes``. Their folds are child runs (``mlflow.parentRunId``)
  in ``electrodes/folds``, so that the page of cells holds cells only.
- ``content_digest`` names what is published. Publishing the same content again creates nothing.
- ``complete = 'true'`` is set last. A run without it was cut off: the next publish replaces it.
- ``current = 'true'`` marks the newest run of each model under each protocol. Older ones stay as
  history with ``current = 'false'`` and ``superseded_by``, the run that took their place.
- ``control_run_id`` is the control's run on the same split, table and raw data; the tag is absent
  while there is none. The control's own tag names itself, so grouping by it gathers what may be compared.

This is the only module that imports mlflow.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shlex
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pandas as pd
import pyarrow.parquet as pq

import electrode_bench
from electrode_bench import models
from electrode_bench.core.artifacts import plain, write_csv, write_json, write_table, write_text
from electrode_bench.core.digests import digest, digest_files, digest_frame
from electrode_bench.core.schema import CONTROL, ID, PREDICTION_COLUMNS, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation.metrics import ALL, METRICS
from electrode_bench.inference import formula_model
from electrode_bench.project import Layout
from electrode_bench.splits import TITLES

if TYPE_CHECKING:
    from filelock import FileLock
    from mlflow import MlflowClient
    from mlflow.entities import Run

#: Experiments: one run a cell, and one run a fold.
CELLS, FOLDS = "electrodes", "electrodes/folds"

#: Raise it when what is logged changes: cells are then published anew.
FORMAT = 2

#: Distributions that every published model needs to predict, pinned in its requirements beside the model's own.
SERVING = (
    "ElementEmbeddings", "filelock", "matminer", "mlflow", "numpy", "pandas", "pyarrow", "pydantic",
    "pymatgen", "pyyaml", "safetensors", "scikit-learn",
)  # fmt: skip

# MLflow's limits of one batch and of a text.
BATCH, METRIC_BATCH, PARAM_LENGTH, TAG_LENGTH = 100, 1000, 6000, 8000

#: How long a publish waits for another one, in seconds.
PATIENCE = 600

#: Where runs keep their files when MLFLOW_TRACKING_URI is a database server: MLflow's own name for it.
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"

#: Seconds in which a database server must take a connection.
_ANSWER = 10

#: Where `electrode-bench ui` listens unless told otherwise.
PORT = 5000


@dataclass(frozen=True)
class Record:
    """One fitted cell, as it is published.

    Parameters
    ----------
    about : the content of cell.json.
    predictions : schema.PREDICTION_COLUMNS.
    scores : metrics.score of these predictions, per fold and ``all``.
    costs : what each fold took (see cost.measured; and its device), by fold; folds may be missing.
    model : folder of the model fitted on all rows (models.save), or None to publish no model.
    lock_sha : digest of the cell's entry in dvc.lock; None as long as DVC has not written it.
    """

    about: Mapping[str, Any]
    predictions: pd.DataFrame
    scores: pd.DataFrame
    costs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: Path | None = None
    lock_sha: str | None = None

    @property
    def name(self) -> str:
        return cell_name(self.about["model"], self.about["protocol"])


@dataclass(frozen=True)
class Trace:
    """Where the data and the code of a cell came from.

    Parameters
    ----------
    provenance : source, md5, release, licence (text or None) and synthetic (bool) of the raw data.
    table : the canonical parquet table.
    commit, dirty : git's commit, and whether the tree differs from it; None outside a repository.
    """

    provenance: Mapping[str, Any]
    table: Path
    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True)
class PublishedRun:
    """The run that holds a cell; ``created`` is False when it was there already.

    ``url`` is where the UI shows it, ``page`` where it shows all current cells, ``content_digest`` that of the
    function of this name.
    """

    run_id: str
    url: str
    page: str
    created: bool
    content_digest: str


@dataclass(frozen=True)
class Store:
    """An open tracking store: a client, the ids of both experiments, and the lock that writers take."""

    client: MlflowClient
    uri: str
    cells: str
    folds: str
    lock: FileLock

    @property
    def local(self) -> bool:
        return _sqlite(self.uri) is not None

    def base(self, port: int = PORT) -> str:
        # A database has no page of its own: `electrode-bench ui` shows it.
        return _masked(self.uri).rstrip("/") if _served(self.uri) else f"http://127.0.0.1:{port}"

    def url(self, run_id: str) -> str:
        return f"{self.base()}/{run_link(self.cells, run_id)}"

    def page(self, port: int = PORT) -> str:
        """The current cells side by side: bar charts of every metric, grouped by target."""
        return f"{self.base(port)}/{runs_link(self.cells, _CURRENT)}&compareRunsMode=CHART"


def cell_name(model: str, protocol: str) -> str:
    """What a cell's run is called."""
    return f"{model} · {protocol}"


# --- where the store is ---


def tracking_uri(layout: Layout, env: Mapping[str, str]) -> str:
    """The tracking store: MLFLOW_TRACKING_URI if it is set and not empty, else the project's SQLite file."""
    chosen = env.get("MLFLOW_TRACKING_URI", "").strip()
    if chosen:
        return chosen
    file = layout.mlruns.absolute() / "mlflow.db"
    if "?" in str(file):
        raise UserError(
            f"{layout.root} has a '?' in its path, which MLflow's SQLite address cannot hold; "
            "rename the folder, or name a tracking server in MLFLOW_TRACKING_URI"
        )
    return f"sqlite:///{file}"


def page(layout: Layout, *, uri: str, port: int = PORT) -> str:
    """Where the UI, on this port, shows the current cells side by side; errors as :func:`cells`."""
    _published(uri)
    with opened(layout, uri=uri) as store:
        return store.page(port)


def _published(uri: str) -> None:
    file = _sqlite(uri)
    if file is not None and not file.exists():
        raise UserError(f"no runs are published in {file.parent}; run: electrode-bench publish")


def ui_command(layout: Layout, *, uri: str, port: int = PORT) -> str:
    """The shell command that shows the published runs at http://127.0.0.1:<port>.

    Raises
    ------
    UserError
        When ``uri`` is a server: it has its own page, which the message names.
    """
    if _served(uri):
        raise UserError(f"the runs are on a tracking server: open {_masked(uri)} in a browser")
    artifacts = _artifacts(uri) or (layout.mlruns.absolute() / "artifacts").as_uri()
    command = [
        sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--default-artifact-root", artifacts,
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    # MLflow 3 reports its use to its makers unless told not to, and starts workers for language models.
    return "MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false " + shlex.join(command)


def _sqlite(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _served(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def _database(uri: str) -> bool:
    """Whether ``uri`` is a database server's, which processes write to without MLflow's server."""
    return urlsplit(uri).scheme.partition("+")[0] in ("postgresql", "mysql", "mssql")


def _artifacts(uri: str) -> str | None:
    """Where runs of a database keep their artifacts: beside a SQLite file, else where ARTIFACT_ROOT says.

    None for a server, which decides for itself.

    Raises
    ------
    UserError
        When a database server is named and no place for files: MLflow would take each process's current folder.
    """
    file = _sqlite(uri)
    if file is not None:
        return (file.absolute().parent / "artifacts").as_uri()
    if not _database(uri):
        return None
    root = os.environ.get(ARTIFACT_ROOT, "").strip().rstrip("/")
    if not root or urlsplit(root).scheme == "mlflow-artifacts":
        raise UserError(
            f"{_masked(uri)} keeps no files, so name a place for them that every host sees in {ARTIFACT_ROOT} "
            "(a folder, s3://...), or let `mlflow server` keep them and name its http:// address"
        )
    return root if urlsplit(root).scheme else Path(root).expanduser().absolute().as_uri()


def _masked(uri: str) -> str:
    """``uri`` without a password."""
    return re.sub(r"//[^/@]*@", "//", uri)


@contextmanager
def opened(layout: Layout, *, uri: str, again: str = "electrode-bench publish") -> Iterator[Store]:
    """The tracking store at ``uri``, made when it is a SQLite file that does not exist.

    ``again`` is what to run once a store that cannot be used is put right: the error says so.

    Raises
    ------
    UserError
        When the store cannot be reached or used; results are not touched.
    """
    from filelock import FileLock

    file = _sqlite(uri)
    folder = layout.mlruns if file is None else file.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror}); {_safe(again)}") from error
    lock = FileLock(folder / ".publish.lock", timeout=PATIENCE)
    _usable(uri, again)
    # MLflow 3 reports its use to its makers unless told not to, and prints two lines for each run that a server closes:
    # they would stand in what --json prints.
    with (
        environment(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true"),
        _quiet(),
        _user_errors(uri, again),
    ):
        from mlflow import MlflowClient

        # Whether the server is there shows in seconds; MLflow would try for minutes.
        with environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_TIMEOUT="10"), lock:
            # Processes that make the tables or the experiments of one fresh database at once collide.
            client = MlflowClient(tracking_uri=uri)
            if file is not None:
                _write_ahead(file)
            cells = experiment(client, CELLS, uri=uri, note=_CELLS_NOTE)
            folds = experiment(client, FOLDS, uri=uri, note=_FOLDS_NOTE)
        with environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="3", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1"):
            try:
                yield Store(client, uri, cells, folds, lock)
            finally:
                if file is not None:
                    _written(file)


#: File systems of one machine. Others may be a network's, where SQLite's log of writes ahead does not work.
_OF_ONE_MACHINE = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})


def _write_ahead(file: Path) -> None:
    """Have SQLite write ahead (WAL) on a disk of this machine: a write then waits for the disk once, not four times.

    MLflow makes seven writes a trial, and none of them waits for a page that reads.
    """
    mounts = Path("/proc/self/mounts")
    local = mounts.exists() and on_one_machine(file.resolve(), mounts.read_text(encoding="utf-8", errors="replace"))
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file)) as database:
        # When another process has it open this fails, and the next one does it.
        database.execute(f"PRAGMA journal_mode = {'WAL' if local else 'DELETE'}")


def _written(file: Path) -> None:
    """Bring what was written ahead into the file, so that it is whole where it is copied alone."""
    # One that was deleted meanwhile is not made again, empty.
    address = f"{file.absolute().as_uri()}?mode=rw"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(address, uri=True)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def on_one_machine(path: Path, mounts: str) -> bool:
    """Whether the absolute ``path`` lies on a file system that no other machine can write to.

    Parameters
    ----------
    mounts : as in Linux's /proc/self/mounts, a line each: device, place, kind; of two at one place the later holds.
    """
    kind, depth = "", 0
    for line in mounts.splitlines():
        _, place, of, *_ = line.split()
        # A space in a name is written as octal.
        point = Path(place.replace("\\040", " "))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = of, len(point.parts)
    return kind in _OF_ONE_MACHINE


def _safe(again: str) -> str:
    return f"the results are safe; put it right and run: {again}"


_CELLS_NOTE = (
    "One run a cell: one model under one protocol. Newest runs only: `tags.current = 'true'`. "
    "Runs with equal `control_run_id` stand on the same data and split and may be compared. "
    f"Their folds are in the experiment `{FOLDS}`."
)
_FOLDS_NOTE = f"One run a fold of the cells in `{CELLS}`. Group by the tag `cell`, or follow a cell's link here."


def _usable(uri: str, again: str) -> None:
    """Refuse at once what MLflow would try for minutes or explain at length."""
    file = _sqlite(uri)
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        raise UserError(
            f"MLFLOW_TRACKING_URI is '{uri}', a folder, which MLflow no longer writes to; unset it, "
            "or name a server (http://...) or a database (sqlite:///...)"
        )
    if _database(uri):
        # MLflow would try for most of an hour.
        _answers(uri, again)
    if file is not None and file.exists() and file.stat().st_size:
        with file.open("rb") as stream:
            if stream.read(16) != b"SQLite format 3\x00":
                raise UserError(f"{file} is no SQLite database; delete {file.parent} and run: electrode-bench publish")


def _answers(uri: str, again: str) -> None:
    """Try a database server once, and whether MLflow may have its tables there."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    _artifacts(uri)
    try:
        postgresql = urlsplit(uri).scheme.startswith("postgresql")
        engine = create_engine(uri, poolclass=NullPool, connect_args={"connect_timeout": _ANSWER} if postgresql else {})
        with engine.connect() as connection:
            has = set(inspect(connection).get_table_names())
    except ImportError:
        raise UserError(
            f"the driver of {_masked(uri)} is not installed; for PostgreSQL, install it with: make postgresql"
        ) from None
    except SQLAlchemyError as error:
        raise UserError(f"MLflow's store {_masked(uri)} cannot be used: {_reason(error)}; {_safe(again)}") from error
    if "studies" in has and "experiments" not in has:
        # Both programs have a table of this name: alembic_version.
        raise UserError(
            f"{_masked(uri)} holds Optuna's studies; MLflow needs a database of its own, make it with: createdb mlflow"
        )


def experiment(client: MlflowClient, name: str, *, uri: str, note: str) -> str:
    """Id of the experiment, made when missing and brought back when deleted."""
    from mlflow.exceptions import MlflowException

    place = _artifacts(uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        # The kind chooses the pages that the UI opens with.
        tags = {"mlflow.note.content": note, "mlflow.experimentKind": "custom_model_development"}
        try:
            made: str = client.create_experiment(name, artifact_location=place, tags=tags)
            return made
        except MlflowException:
            # Another machine made it on this server a moment ago.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if place is not None and _sqlite(uri) is None and found.artifact_location.rstrip("/") != place:
        raise UserError(
            f"{_masked(uri)} keeps the files of '{name}' in {found.artifact_location}, not in {place}; "
            f"name that place in {ARTIFACT_ROOT}, or the http:// address of the server that made it"
        )
    if place is not None and found.artifact_location.rstrip("/") != place:
        raise UserError(
            f"{_sqlite(uri)} keeps its artifacts in {found.artifact_location}: the project was moved or copied; "
            "delete mlruns and run: electrode-bench publish"
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    identity: str = found.experiment_id
    return identity


@contextmanager
def environment(**defaults: str) -> Iterator[None]:
    """Set environment variables that are not set, for the time of the block: MLflow reads them on each call."""
    added = [name for name in defaults if name not in os.environ]
    os.environ.update({name: defaults[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that MLflow prints about its tables and examples, and warnings about its own insides."""
    with warnings.catch_warnings():
        for message in _THEIRS:
            warnings.filterwarnings("ignore", message=message)
        import mlflow  # noqa: F401 (the import sets the levels of its loggers)

        with _loggers_quiet():
            yield


#: Warnings of MLflow about its use of other libraries, which nobody here can mend.
_THEIRS = (r"The ``noload`` loader strategy is deprecated", r".*Any type hint is inferred as AnyType")


@contextmanager
def _loggers_quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("mlflow.store.db.utils", "mlflow.pyfunc", "alembic")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _user_errors(uri: str, again: str) -> Iterator[None]:
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
        raise UserError(f"MLflow's store {_masked(uri)} cannot be used: {_reason(error)}; {_safe(again)}") from error


def _reason(error: Exception) -> str:
    """The telling part of MLflow's long messages, in one line."""
    text = " ".join(str(error).split())
    for pattern, reason in (
        (r"Connection refused|NewConnectionError|NameResolutionError|Max retries", "no server answers there"),
        (r"timed out", "the server does not answer in time"),
        (r"\b(401|403)\b", "the server refuses access; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        (r"out-of-date database schema", "an older MLflow made it; delete mlruns, or run mlflow db upgrade on it"),
    ):
        if re.search(pattern, text):
            return reason
    return text[:200]


# --- publishing ---


def publish(
    layout: Layout,
    records: Iterable[Record],
    *,
    trace: Trace,
    uri: str,
    progress: Callable[[Record, PublishedRun], None] | None = None,
) -> tuple[PublishedRun, ...]:
    """Publish cells one by one, as ``records`` gives them; the control may come at any place.

    Content that is published already creates nothing and is only marked as current again. What a
    killed publish left half-done is deleted and made anew.

    Raises
    ------
    UserError
        When the store cannot be reached or used.
    """
    published = []
    with opened(layout, uri=uri) as store:
        for record in records:
            with store.lock:
                run = _publish(store, record, trace)
            published.append(run)
            if progress is not None:
                progress(record, run)
    return tuple(published)


def publish_cell(layout: Layout, record: Record, *, trace: Trace, uri: str) -> PublishedRun:
    """Publish one cell; see :func:`publish`."""
    return publish(layout, [record], trace=trace, uri=uri)[0]


def content_digest(record: Record, trace: Trace) -> str:
    """SHA-256 of what a published cell shows: the cell, its scores, its model, its data; not when or by whom."""
    model = None if record.model is None else digest_files(p for p in record.model.rglob("*") if p.is_file())
    shown = [digest_frame(record.predictions), digest_frame(record.scores), model]
    return digest([FORMAT, record.about, trace.provenance, shown])


def _publish(store: Store, record: Record, trace: Trace) -> PublishedRun:
    content = content_digest(record, trace)
    found = _cell_runs(store, model=record.about["model"], protocol=record.about["protocol"])
    for run in found:
        # A shared server may hold a run that another machine is just writing; a local store, under
        # its lock, only what a killed process left.
        if not _complete(run) and (store.local or run.data.tags.get("content_digest") == content):
            _delete(store, run)
    existing = [run for run in found if _complete(run) and run.data.tags["content_digest"] == content]
    run_id = existing[0].info.run_id if existing else _create(store, record, trace, content)
    _make_current(store, run_id, [run for run in found if _complete(run)])
    if existing and record.lock_sha and existing[0].data.tags.get("dvc_lock_sha") != record.lock_sha:
        # The cell was published by its stage, which DVC writes into dvc.lock only when it has ended.
        _tag_cell(store, run_id, {"dvc_lock_sha": record.lock_sha})
    _link_controls(store, protocol=record.about["protocol"])
    return PublishedRun(run_id, store.url(run_id), store.page(), created=not existing, content_digest=content)


def _cell_runs(store: Store, *, protocol: str | None = None, model: str | None = None) -> list[Run]:
    parts = [f"tags.{k} = '{v}'" for k, v in (("model", model), ("protocol", protocol)) if v is not None]
    return search(store, store.cells, " and ".join(["tags.kind = 'cell'", *parts]))


def _fold_runs(store: Store, parent: str) -> list[Run]:
    return search(store, store.folds, _folds_of(parent))


def search(store: Store, experiment: str, query: str) -> list[Run]:
    runs: list[Run] = []
    token = None
    while True:
        page = store.client.search_runs([experiment], query, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _complete(run: Run) -> bool:
    return bool(run.info.status == "FINISHED" and run.data.tags.get("complete") == "true")


def _delete(store: Store, run: Run) -> None:
    """Delete an unfinished cell: children first, so that a kill in between leaves the parent to be found."""
    for child in _fold_runs(store, run.info.run_id):
        store.client.delete_run(child.info.run_id)
    logged = store.client.search_logged_models([store.cells], f"source_run_id = '{run.info.run_id}'")
    for model in logged:
        store.client.delete_logged_model(model.model_id)
    store.client.delete_run(run.info.run_id)


def _create(store: Store, record: Record, trace: Trace, content: str) -> str:
    """Write the cell's run, its folds, artifacts and model; the tag ``complete`` comes last."""
    about, client = record.about, store.client
    started, ended = _span(record.costs.values())
    shared = _tags(record, trace, content)
    name = {"mlflow.runName": record.name, "complete": "false"}
    own = {**shared, "kind": "cell", "device": _devices(record.costs), **name}
    run_id: str = client.create_run(store.cells, start_time=started, tags=own).info.run_id
    control = run_id if about["model"] == CONTROL else _control_for(own, _controls(store, about["protocol"]))
    if control is not None:
        shared["control_run_id"] = control
    params = _params(about)
    for fold in about["folds"]:
        _create_fold(store, record, fold, parent=run_id, tags=shared, params=params)
    model_id = _log_model(store, record, trace, run_id=run_id) if record.model is not None else None
    metrics = _metrics(record.scores, ALL) | _total_cost(record)
    log(client, run_id, metrics=metrics, params=params, model_id=model_id, at=ended)
    client.log_inputs(run_id, datasets=[_dataset(trace, about)])
    _log_files(store, record, run_id, synthetic=bool(trace.provenance.get("synthetic")))
    note = _note(store, record, trace, run_id=run_id, control=control, model_id=model_id)
    last = {"mlflow.note.content": note[:TAG_LENGTH], "current": "true"}
    log(client, run_id, tags=last | ({"control_run_id": control} if control else {}))
    client.set_terminated(run_id, "FINISHED", end_time=ended)
    client.set_tag(run_id, "complete", "true")
    return run_id


def _create_fold(
    store: Store, record: Record, fold: str, *, parent: str, tags: Mapping[str, str], params: Mapping[str, str]
) -> None:
    cost = record.costs.get(fold, {})
    started, ended = _span([cost])
    own = {
        **tags,
        "kind": "fold",
        "fold": fold,
        "device": str(cost.get("device", "unknown")),
        # The fold comes first: the UI cuts long names off.
        "mlflow.runName": f"{fold} · {record.name}",
        "mlflow.parentRunId": parent,
        "current": "true",
    }
    run_id = store.client.create_run(store.folds, start_time=started, tags=own).info.run_id
    sizes = record.about["folds"][fold]
    metrics = _metrics(record.scores, fold) | _cost(cost)
    metrics |= {f"rows/{side}": float(sizes[f"n_{side}"]) for side in ("train", "test") if f"n_{side}" in sizes}
    # A fold's own seed derives from the cell's.
    own_seed = {"seed": str(sizes["seed"])} if "seed" in sizes else {}
    log(store.client, run_id, metrics=metrics, params={**params, **own_seed}, at=ended)
    store.client.set_terminated(run_id, "FINISHED", end_time=ended)


def log(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: Mapping[str, float] = MappingProxyType({}),
    params: Mapping[str, str] = MappingProxyType({}),
    tags: Mapping[str, str] = MappingProxyType({}),
    model_id: str | None = None,
    at: int | None = None,
) -> None:
    """Write in as few batches as MLflow's limits allow."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    moment = at if at is not None else get_current_time_millis()
    todo_metrics = [Metric(k, v, moment, 0, model_id=model_id) for k, v in metrics.items() if math.isfinite(v)]
    todo_params = [Param(k, v[:PARAM_LENGTH]) for k, v in params.items()]
    todo_tags = [RunTag(k, v[:TAG_LENGTH]) for k, v in tags.items()]
    while todo_metrics or todo_params or todo_tags:
        # A batch may hold 1,000 entries in all, and 100 params and tags each.
        room = METRIC_BATCH - 2 * BATCH
        client.log_batch(run_id, todo_metrics[:room], todo_params[:BATCH], todo_tags[:BATCH])
        todo_metrics, todo_params, todo_tags = todo_metrics[room:], todo_params[BATCH:], todo_tags[BATCH:]


def _tags(record: Record, trace: Trace, content: str) -> dict[str, str]:
    """What traces a cell and each of its folds; unknown values are left out."""
    about, digests, data = record.about, record.about["digests"], trace.provenance
    values = {
        "model": about["model"],
        "protocol": about["protocol"],
        "cell": record.name,
        "split_digest": digests["split"],
        "data_md5": data.get("md5"),
        "data_source": data.get("source"),
        "data_release": data.get("release"),
        "synthetic": flag(data.get("synthetic")),
        "table_digest": digests["table"],
        "feature_digest": digests.get("features"),
        "code_digest": digests["code"],
        "params_digest": digests["config"],
        "cell_digest": digests["cell"],
        "content_digest": content,
        "dvc_lock_sha": record.lock_sha,
        "git_commit": trace.commit,
        "git_dirty": flag(trace.dirty),
        "versions": json.dumps(dict(about.get("versions", {})), sort_keys=True),
        **{"tuning" if k == "state" else f"tuning_{k}": v for k, v in about.get("tuning", {}).items()},
        # What MLflow's own columns Source and Version show.
        "mlflow.source.name": "electrode-bench publish",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": trace.commit,
    }
    return {k: str(v)[:TAG_LENGTH] for k, v in values.items() if v is not None and v != ""}


def flag(value: bool | None) -> str | None:
    return None if value is None else str(bool(value)).lower()


def _params(about: Mapping[str, Any]) -> dict[str, str]:
    settings = {**flat(about["config"]), "seed": about["seed"], "composition": about["composition"]}
    settings["feature_set"] = about["feature_set"] or "none"
    return {k: str(v) for k, v in settings.items()}


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in config.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return out


def _metrics(scores: pd.DataFrame, fold: str) -> dict[str, float]:
    """Scores of one fold by "<target>/<metric>", and their spread over folds where there is one."""
    rows = scores[scores["fold"] == fold]
    values = dict(zip(rows["target"] + "/" + rows["metric"], rows["value"].astype(float), strict=True))
    # A group of its own in the UI, so that a target's charts show its errors first.
    spread = dict(zip(rows["target"] + "_spread/" + rows["metric"], rows["spread"].astype(float), strict=True))
    return {k: v for k, v in (values | spread).items() if math.isfinite(v)}


def _cost(cost: Mapping[str, Any]) -> dict[str, float]:
    return {f"cost/{k}": float(cost[k]) for k in ("seconds", "cpu_seconds", "peak_rss_mb") if cost.get(k) is not None}


def _total_cost(record: Record) -> dict[str, float]:
    """Seconds of all folds and the largest memory; nothing where a fold's cost is not known."""
    costs = [_cost(record.costs.get(fold, {})) for fold in record.about["folds"]]
    out = {}
    for key, total in (("cost/seconds", sum), ("cost/cpu_seconds", sum), ("cost/peak_rss_mb", max)):
        if costs and all(key in cost for cost in costs):
            out[key] = float(total(cost[key] for cost in costs))
    return out


def _devices(costs: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(sorted({str(c["device"]) for c in costs.values() if "device" in c})) or "unknown"


def _span(costs: Iterable[Mapping[str, Any]]) -> tuple[int | None, int | None]:
    """First start and last end in milliseconds since 1970, or (None, None), which MLflow takes for now."""
    known = [c for c in costs if c.get("started") and c.get("seconds") is not None]
    starts = [datetime.fromisoformat(c["started"]).timestamp() for c in known]
    if not starts:
        return None, None
    ends = [start + float(c["seconds"]) for start, c in zip(starts, known, strict=True)]
    return round(1000 * min(starts)), round(1000 * max(ends))


def _dataset(trace: Trace, about: Mapping[str, Any]) -> Any:
    """The snapshot as an MLflow dataset: the prepared table's columns and size, the raw data's source."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = str(trace.provenance.get("source") or trace.table)
    kind = {"s3": "s3", "http": "http", "https": "http"}.get(urlsplit(source).scheme, "local")
    parquet = pq.read_metadata(trace.table)
    arrow = parquet.schema.to_arrow_schema()
    types = {"string": "string", "large_string": "string", "double": "double", "int64": "long", "bool": "boolean"}
    columns = [{"type": types.get(str(f.type), "string"), "name": f.name, "required": True} for f in arrow]
    release = trace.provenance.get("release")
    dataset = Dataset(
        name=str(release or Path(source).name or source)[:500],
        # MLflow allows 36 characters.
        digest=str(about["digests"]["table"])[:36],
        source_type=kind,
        source=json.dumps({"url" if kind == "http" else "uri": source}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": parquet.num_rows, "num_elements": parquet.num_rows * len(columns)}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training and evaluation")])


def _log_files(store: Store, record: Record, run_id: str, *, synthetic: bool) -> None:
    from electrode_bench.report.parity import parity_html, parity_png

    shown, title = record.predictions, record.name
    sizes = {fold: of.get("n_train") for fold, of in record.about["folds"].items()}
    if record.about["protocol"] == "bootstrap" and None not in sizes.values():
        # Small training sets belong to the learning curve; the plot shows the full size.
        largest = max(sizes.values())
        shown = shown[shown["fold"].map(sizes) == largest]
        title = f"{title}, {largest} training rows, out of bag"
    if synthetic:
        title += " (synthetic data)"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(record.predictions, folder / "predictions.parquet", PREDICTION_COLUMNS)
        write_json(record.about, folder / "cell.json")
        write_csv(record.scores, folder / "scores.csv")
        write_text(parity_html(shown, title=title), folder / "parity" / "parity.html")
        (folder / "parity" / "parity.png").write_bytes(parity_png(shown, title=title))
        store.client.log_artifacts(run_id, str(folder))


# --- which run is current, and which control belongs to it ---


def _make_current(store: Store, run_id: str, earlier: Iterable[Run]) -> None:
    """Mark ``run_id`` as the current one of its cell, and the earlier ones as superseded by it."""
    for run in earlier:
        tags = run.data.tags
        if run.info.run_id == run_id:
            if tags.get("current") != "true" or "superseded_by" in tags:
                _tag_cell(store, run_id, {"current": "true"}, remove="superseded_by")
        elif tags.get("current") != "false":
            _tag_cell(store, run.info.run_id, {"current": "false", "superseded_by": run_id})


def _controls(store: Store, protocol: str) -> list[Run]:
    """The control's complete runs under a protocol, the current one first."""
    found = [run for run in _cell_runs(store, model=CONTROL, protocol=protocol) if _complete(run)]
    return sorted(found, key=lambda run: run.data.tags.get("current") != "true")


def _control_for(tags: Mapping[str, str], controls: Iterable[Run]) -> str | None:
    """The run of the control on the same split, table and raw data, or None: others may not be compared with."""
    same = ("split_digest", "table_digest", "data_md5")
    for run in controls:
        if all(run.data.tags.get(key) == tags.get(key) for key in same):
            identity: str = run.info.run_id
            return identity
    return None


def _link_controls(store: Store, *, protocol: str) -> None:
    """Make every complete cell of the protocol name its control's run, also where the control came later."""
    controls = _controls(store, protocol)
    for run in _cell_runs(store, protocol=protocol):
        tags = run.data.tags
        if not _complete(run) or tags["model"] == CONTROL:
            continue
        control = _control_for(tags, controls)
        if control is not None and control != tags.get("control_run_id"):
            note = _CONTROL_LINE.sub(_control_line(store, control), tags.get("mlflow.note.content", ""))
            _tag_cell(store, run.info.run_id, {"control_run_id": control}, own={"mlflow.note.content": note})


def _tag_cell(
    store: Store,
    run_id: str,
    tags: Mapping[str, str],
    *,
    own: Mapping[str, str] = MappingProxyType({}),
    remove: str | None = None,
) -> None:
    """Set tags on a cell and its folds (``own``: on the cell only). The cell is last: a kill leaves it to be redone."""
    children = [run.info.run_id for run in _fold_runs(store, run_id)]
    for child in children:
        log(store.client, child, tags=tags)
    if remove is not None:
        for run in (*_fold_runs(store, run_id), store.client.get_run(run_id)):
            if remove in run.data.tags:
                store.client.delete_tag(run.info.run_id, remove)
    log(store.client, run_id, tags={**tags, **own})


# --- what a run says about itself ---


#: Without it the UI opens with its pages for language models.
_TRAINING = "workflowType=machine_learning"

_CURRENT = "tags.current = 'true'"


def run_link(experiment: str, run_id: str) -> str:
    return f"#/experiments/{experiment}/runs/{run_id}?{_TRAINING}"


def artifact_link(experiment: str, run_id: str, name: str) -> str:
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts/{name}?{_TRAINING}"


def runs_link(experiment: str, query: str, *, by: str | None = None) -> str:
    """The runs of an experiment that a search finds, the newest first, or those with the smallest metric ``by``.

    The newest first are folded into the runs that they are children of; by a metric they are a flat list.
    """
    order = "" if by is None else f"&orderByKey={quote(f'metrics.`{by}`')}&orderByAsc=true"
    return f"#/experiments/{experiment}/runs?{_TRAINING}&searchFilter={quote(query)}{order}"


def comparison_link(experiment: str, runs: Iterable[str]) -> str:
    """Runs side by side, with parallel coordinates over their parameters."""
    ids, among = (quote(json.dumps(list(of), separators=(",", ":"))) for of in (runs, [experiment]))
    # MLflow finds the runs only where they come first.
    return f"#/compare-runs?runs={ids}&experiments={among}&{_TRAINING}"


def _folds_of(parent: str) -> str:
    return f"tags.mlflow.parentRunId = '{parent}'"


_CONTROL_LINE = re.compile(r"^- \*\*Control:\*\* .*$", flags=re.MULTILINE)


def _control_line(store: Store, control: str | None) -> str:
    if control is None:
        return "- **Control:** not published on the same data and split; do not compare"
    return f"- **Control:** [its run on the same data and split]({run_link(store.cells, control)})"


def _note(store: Store, record: Record, trace: Trace, *, run_id: str, control: str | None, model_id: str | None) -> str:
    """The run's description in Markdown: scores, control, data, folds."""
    about, data = record.about, trace.provenance
    folds = len(about["folds"])
    query = _folds_of(run_id)
    page = runs_link(store.folds, query)
    facts = [str(data[key]) for key in ("source", "release", "licence") if data.get(key)]
    facts += [f"md5 `{data['md5']}`"] if data.get("md5") else []
    facts.append(f"{record.predictions[ID].nunique()} electrodes tested")
    model_line = f'- **Model on all rows:** `mlflow.pyfunc.load_model("models:/{model_id}")`' if model_id else None
    lines = [
        f"### {about['title']}: {TITLES.get(about['protocol'], about['protocol'])}",
        "",
        *(["**Synthetic data, for trying the pipeline only: these numbers say nothing about real electrodes.**", ""]
          if data.get("synthetic") else []),
        *_score_table(record.scores),
        "",
        _averaged(about),
        "",
        _control_line(store, run_id if about["model"] == CONTROL else control)
        if about["model"] != CONTROL else "- **Control:** this is the control",
        f"- **Data:** {', '.join(facts)}",
        f"- **Folds:** [{folds} runs in {FOLDS}]({page}), or search there for `{query}`",
        *([model_line] if model_line else []),
    ]  # fmt: skip
    return "\n".join(lines)


def _averaged(about: Mapping[str, Any]) -> str:
    """What the table's values are means of."""
    sizes = [fold["n_train"] for fold in about["folds"].values()]
    if about["protocol"] == "bootstrap":
        repeats, size = sizes.count(max(sizes)), max(sizes)
        return f"Mean ± standard deviation over the {repeats} repeats of the largest training size, {size} rows."
    return f"Mean ± standard deviation over {len(sizes)} folds."


#: Metrics of the description's table; the others are in the run's metrics.
_SHOWN = ("mae", "smae", "r2", "mae_2sigma", "smae_2sigma", "r2_2sigma")


def _score_table(scores: pd.DataFrame) -> list[str]:
    rows = scores[scores["fold"] == ALL]
    # The UI sets the columns of a table edge to edge.
    gap = "&ensp;"
    lines = [
        "| Target | " + " | ".join(METRICS[m].label + gap for m in _SHOWN) + " |",
        "|:--|" + "--:|" * len(_SHOWN),
    ]
    for target, column in TARGETS.items():
        cells = [_plus_minus(rows[rows["metric"].eq(m) & rows["target"].eq(target)]) for m in _SHOWN]
        lines.append(f"| {column.title} | " + " | ".join(cell + gap for cell in cells) + " |")
    return lines


def _plus_minus(rows: pd.DataFrame) -> str:
    """Value and spread of the one row, to the digits that the spread leaves, if there is a row with a value."""
    if rows.empty or not math.isfinite(rows["value"].iloc[0]):
        return "n/a"
    value, spread = float(rows["value"].iloc[0]), float(rows["spread"].iloc[0])
    if not math.isfinite(spread):
        return f"{value:.3g}"
    digits = 3 if spread <= 0 else min(max(1 - math.floor(math.log10(spread)), 0), 3)
    return f"{value:.{digits}f} ± {spread:.{digits}f}"


# --- the published cells ---


def cells(layout: Layout, *, uri: str) -> pd.DataFrame:
    """The current cells: model, protocol, each target's SMAE, synthetic, cell_digest, control_run_id, run_id, url.

    Raises
    ------
    UserError
        When the store cannot be reached, or is a SQLite file that does not exist yet.
    """
    _published(uri)
    with opened(layout, uri=uri) as store:
        runs = [r for r in _cell_runs(store) if _complete(r) and r.data.tags.get("current") == "true"]
        rows = [
            {
                "model": run.data.tags["model"],
                "protocol": run.data.tags["protocol"],
                **{f"{target}/smae": run.data.metrics.get(f"{target}/smae", math.nan) for target in TARGETS},
                "synthetic": run.data.tags.get("synthetic") == "true",
                "cell_digest": run.data.tags["cell_digest"],
                "control_run_id": run.data.tags.get("control_run_id"),
                "run_id": run.info.run_id,
                "url": store.url(run.info.run_id),
            }
            for run in runs
        ]
    columns = ["model", "protocol", *(f"{t}/smae" for t in TARGETS), "synthetic", "cell_digest"]
    frame = pd.DataFrame(rows, columns=[*columns, "control_run_id", "run_id", "url"])
    return frame.sort_values(["protocol", "model"], ignore_index=True)


# --- the model ---


def _log_model(store: Store, record: Record, trace: Trace, *, run_id: str) -> str:
    """Log the model of all rows on the run, its own code inside and no pickle; its id.

    The same calls as ``mlflow.pyfunc.log_model``, which would need a global tracking URI and an active run.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    assert record.model is not None
    about, client = record.about, store.client
    loaded = formula_model.FormulaModel(record.model)
    tags = {k: about[k] for k in ("model", "protocol")} | {"synthetic": flag(trace.provenance.get("synthetic")) or ""}
    logged = client.create_logged_model(
        store.cells, name=about["model"], source_run_id=run_id, tags=tags, params=_params(about), model_type="regressor"
    )
    metadata = {
        "about": plain(loaded.about),
        "units": {c.key: c.unit for c in TARGETS.values()},
        "data": plain(trace.provenance),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        mlflow.pyfunc.save_model(
            folder,
            loader_module="electrode_bench.tracking.served_model",
            data_path=str(record.model),
            code_paths=[str(Path(electrode_bench.__file__).parent)],
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_id=logged.model_id,
                model_uuid=logged.model_id,
            ),
            signature=_signature(loaded),
            input_example=_example(loaded),
            pip_requirements=_requirements(about["model"]),
            metadata=metadata,
        )
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    identity: str = logged.model_id
    return identity


def _signature(model: formula_model.FormulaModel) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    one = len(model.columns) == 1
    inputs = [ColSpec("string", c, required=not one) for c in model.columns]
    # Either name will do, so neither is required; FormulaModel tells when both are missing.
    inputs += [ColSpec("string", "formula", required=False)] if one else []
    out = model.predict(_example(model))
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("double", str(c)) for c in out.columns]))


def _example(model: formula_model.FormulaModel) -> pd.DataFrame:
    known = {
        "framework_formula": "FePO4",
        "working_ion": "Li",
        "formula_charge": "FePO4",
        "formula_discharge": "LiFePO4",
    }
    return pd.DataFrame([{c: known[c] for c in model.columns}])


def _requirements(model: str) -> list[str]:
    """Installed versions of what the model needs; the package's own code travels with it."""
    pinned = []
    for name in sorted({*SERVING, *models.spec(model).libraries}, key=str.lower):
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return pinned
