from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest
from support.serving import free_port

from electrode_bench.cli.server import require_free_port
from electrode_bench.errors import UserError

SCRIPT = "import sys; from electrode_bench.cli.server import run_server; sys.exit(run_server(sys.argv[1]))"


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _wait(port: int, *, listening: bool) -> None:
    for _ in range(300):
        if _listens(port) == listening:
            return
        time.sleep(0.1)
    raise AssertionError(f"port {port}: listening is {not listening}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_the_command_that_started_it(number: signal.Signals) -> None:
    port = free_port()
    # A shell that waits for a server of its own, as MLflow's command waits for its web server.
    serve = f"{sys.executable} -m http.server {port} --bind 127.0.0.1 2>/dev/null & wait"
    command = subprocess.Popen([sys.executable, "-c", SCRIPT, serve])
    _wait(port, listening=True)
    command.send_signal(number)
    assert command.wait(timeout=60) == 0
    _wait(port, listening=False)


def test_the_exit_status_of_a_server_is_passed_on() -> None:
    assert subprocess.run([sys.executable, "-c", SCRIPT, "exit 3"], check=False).returncode == 3


def test_a_port_is_free_or_in_use() -> None:
    require_free_port(free_port())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="is in use; choose another"):
            require_free_port(taken.getsockname()[1])
