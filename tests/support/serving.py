"""Servers on loopback that tests start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import forks

#: The command ``mlflow``, with its server in the same process: in its own, it would import MLflow again.
MLFLOW = """
import os, sys
import uvicorn.main
import mlflow.server
from mlflow.cli import cli

def serve(command, extra_env, **options):
    os.environ.update(extra_env)
    sys.argv = command[command.index("uvicorn"):]
    uvicorn.main.main()

mlflow.server._exec_cmd = serve
cli()
"""


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, server: subprocess.Popen[bytes] | forks.Process, log: Path) -> None:
    """Wait until a server answers at an address; fail with its log when it ends before that."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@contextmanager
def mlflow_server(folder: Path, backend: str) -> Iterator[str]:
    """The address of an MLflow tracking server on the database ``backend``. It also keeps the files of runs."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [
        sys.executable, "-c", MLFLOW, "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", backend, "--serve-artifacts",
        "--artifacts-destination", str(folder / "served"),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    address = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        server = forks.Process(command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True)
    try:
        wait_for(f"{address}/health", server, folder / "server.log")
        yield address
    finally:
        # Its workers, too: they are in its process group.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
