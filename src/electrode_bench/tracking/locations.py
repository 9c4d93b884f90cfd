"""Where MLflow keeps its tables and its files, read from the address of a tracking store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from electrode_bench.core.addresses import masked, problem
from electrode_bench.errors import UserError
from electrode_bench.project import Project

#: Where runs keep their files when MLFLOW_TRACKING_URI is a database server: MLflow's own name for it.
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"

#: What an address may be, for messages.
_KINDS = "or name a server (http://...) or a database (sqlite:///..., postgresql://...)"


def tracking_uri(project: Project) -> str:
    """The address of the tracking store: MLFLOW_TRACKING_URI if it is set, else the project's SQLite file.

    Raises
    ------
    UserError
        When MLFLOW_TRACKING_URI is not an address of a store, or the project's path has a '?', which MLflow's SQLite
        addresses cannot hold.
    """
    chosen = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if chosen:
        require_well_formed(chosen)
        return chosen
    file = project.paths.mlruns.absolute() / "mlflow.db"
    if file.is_dir():
        raise UserError(f"{file} is a folder where the database of the runs belongs; move it away")
    unfit = re.search(r"\?|%[0-9A-Fa-f]{2}", str(file))
    if unfit:
        raise UserError(
            f"{project.root} has a '{unfit[0]}' in its path, which MLflow's SQLite address cannot hold; "
            "rename the folder, or name a tracking server in MLFLOW_TRACKING_URI"
        )
    return f"sqlite:///{file}"


def require_well_formed(uri: str) -> None:
    """Raise a UserError for an address that MLflow cannot use, or would read in another way than it looks.

    Nothing is connected to. The error holds no password.
    """
    scheme, _, rest = uri.partition("://")
    if uri.startswith("file:") or (":" not in uri and "@" not in uri):
        raise UserError(
            f"MLFLOW_TRACKING_URI is '{uri}', a folder, which MLflow no longer writes to; unset it, {_KINDS}"
        )
    reason, shown = problem(uri), "MLFLOW_TRACKING_URI"
    if reason is None:
        shown = masked(uri)
    if reason is None and is_server(uri) and not urlsplit(uri).hostname:
        reason = "it names no host"
    if reason is None and scheme.startswith("sqlite"):
        path = rest.removeprefix("/")
        if scheme != "sqlite" or not rest.startswith("/") or "?" in path or path in ("", ":memory:"):
            reason = "an SQLite address is sqlite:/// and the path of a file"
        elif os.path.isdir(path):
            reason = f"{path} is a folder; name a file in it"
    elif reason is None and not (is_server(uri) or is_database_server(uri)):
        reason = f"'{scheme}' is not a kind of store"
    if reason is not None:
        raise UserError(f"{shown} cannot be used: {reason}; unset MLFLOW_TRACKING_URI, {_KINDS}")


def sqlite_file(uri: str) -> Path | None:
    """The SQLite file that an address names; None for another kind of store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def is_server(uri: str) -> bool:
    """Whether an address is that of MLflow's own server."""
    return urlsplit(uri).scheme in ("http", "https")


def is_database_server(uri: str) -> bool:
    """Whether an address is that of a database server, to which every process writes by itself."""
    return urlsplit(uri).scheme.partition("+")[0] in ("postgresql", "mysql", "mssql")


def artifact_location(uri: str) -> str | None:
    """Where the runs of a database keep their files: beside an SQLite file, else where ARTIFACT_ROOT says.

    None for MLflow's server, which decides for itself.

    Raises
    ------
    UserError
        When no place for files is given for a database server: MLflow would use the current folder of each process.
    """
    file = sqlite_file(uri)
    if file is not None:
        return (file.absolute().parent / "artifacts").as_uri()
    if not is_database_server(uri):
        return None
    root = os.environ.get(ARTIFACT_ROOT, "").strip().rstrip("/")
    if not root or urlsplit(root).scheme == "mlflow-artifacts":
        raise UserError(
            f"{masked(uri)} keeps no files; set {ARTIFACT_ROOT} to a place that every host sees "
            "(a folder, s3://...), or let `mlflow server` keep them and name its http:// address"
        )
    return root if urlsplit(root).scheme else Path(root).expanduser().absolute().as_uri()
