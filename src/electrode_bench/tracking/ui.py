"""MLflow's own page on the published runs."""

from __future__ import annotations

import shlex
import sys

from electrode_bench.core.addresses import masked
from electrode_bench.core.schema import CONTROL
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.links import comparison_link
from electrode_bench.tracking.locations import artifact_location, is_server, tracking_uri
from electrode_bench.tracking.store import PORT, open_store


def pages(project: Project, *, port: int = PORT, uri: str | None = None) -> tuple[str, str]:
    """The addresses of two of MLflow's pages, on this port.

    Returns
    -------
    The first compares all current runs, the control's first. On the second the same runs are listed, with a bar chart
    for each metric; it shows ten of them until more are chosen there.

    Raises
    ------
    UserError
        When nothing is published yet, or the store cannot be used.
    """
    current = current_runs(project, uri=uri)
    first = current.assign(other=current["model"] != CONTROL).sort_values(["other", "protocol", "model"])
    with open_store(project, uri=uri) as store:
        compared = f"{store.base(port)}/{comparison_link(store.runs, first['run_id'])}"
        return compared, store.page(port)


def ui_command(project: Project, *, port: int = PORT, uri: str | None = None) -> str:
    """The shell command that serves MLflow's page at http://127.0.0.1:<port>.

    Raises
    ------
    UserError
        When the runs are on a server: it has its own page, which the message names.
    """
    uri = tracking_uri(project) if uri is None else uri
    if is_server(uri):
        raise UserError(f"the runs are on a tracking server: open {masked(uri)} in a browser")
    artifacts = artifact_location(uri) or (project.paths.mlruns.absolute() / "artifacts").as_uri()
    # Other users see a command; an address with a password is left where it is: in the environment.
    secret = masked(uri) != uri
    settings = 'MLFLOW_BACKEND_STORE_URI="$MLFLOW_TRACKING_URI" ' if secret else ""
    named = [] if secret else ["--backend-store-uri", uri]
    command = [
        sys.executable, "-m", "mlflow", "ui", *named, "--default-artifact-root", artifacts,
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    # MLflow 3 reports its use to its makers unless told not to, and starts workers for language models.
    settings += "MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false "
    return settings + shlex.join(command)
