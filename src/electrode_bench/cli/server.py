"""Running a server as a child process that ends when the command ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress

from electrode_bench.errors import UserError


def require_free_port(port: int) -> None:
    """Raise a UserError when another program listens on the port: the address shown would be that program's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(f"port {port} is in use; choose another: electrode-bench ui --port {port + 1}") from None


def run_server(command: str) -> int:
    """Run a shell command until it ends or this process is told to end.

    The server may start processes of its own; a signal to this process ends all of them.

    Returns
    -------
    The exit status of the command; 0 when this process was told to end.
    """
    stopped = False
    server = subprocess.Popen(command, shell=True, start_new_session=True)

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    code = server.wait()
    return 0 if stopped else code
