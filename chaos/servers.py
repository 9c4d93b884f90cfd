"""Servers that disappear while they are used: MLflow's tracking server, and PostgreSQL.

Commands reach them through a relay of ours, which breaks off after so many bytes and listens no more until it is told
to. The servers themselves are those of the tests.
"""

from __future__ import annotations

import os
import random
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from chaos import checks
from chaos.cases import Kind, Outcome, World
from chaos.commands import run
from chaos.kills import remove
from chaos.template import ROOT

#: Runs that `reap` must close. Deleted ones are in MLflow's bin.
_OPEN = "SELECT status FROM runs WHERE lifecycle_stage = 'active' AND status IN ('RUNNING', 'SCHEDULED')"


def lost(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Take the server away while a command uses it; when it is back, the command finishes."""
    sys.path[:0] = [str(ROOT / "tests")]
    from support import forks

    # The server of the tests is a fork, too.
    forks.prepare()
    try:
        for case in cases:
            rng = world.random("server", case)
            with world.project() as root:
                remove(root / "mlruns")
                if case % 2:
                    yield _postgresql(rng, case, root)
                else:
                    yield _mlflow(rng, case, root)
    finally:
        forks.clean_up()


def _mlflow(rng: random.Random, case: int, root: Path) -> Outcome:
    from support.serving import mlflow_server

    after = rng.randrange(200, 150_000)
    with mlflow_server(root.parent / "server", f"sqlite:///{root.parent / 'server.db'}") as address:
        with relay(address, after=after) as there:
            ended = run(root, ("publish",), inside=lambda: _tracking(there))
        problems = list(checks.finishes_or_explains(ended))
        with relay(address) as there:
            problems += checks.finishes(run(root, ("publish",), inside=lambda: _tracking(there)))
            problems += checks.finishes(run(root, ("reap",), inside=lambda: _tracking(there)))
        problems += [f"runs are {status}" for status in _open_runs(root.parent / "server.db")]
    return Outcome("server", case, f"MLflow's server lost after {after} bytes", tuple(problems), ended.code != 0)


def _tracking(address: str) -> None:
    # Few retries: a user waits minutes for the default, which is MLflow's.
    os.environ.update(MLFLOW_TRACKING_URI=address, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_TIMEOUT="5")


def _open_runs(database: Path) -> list[str]:
    import sqlite3

    with sqlite3.connect(database) as connection:
        found = connection.execute(_OPEN).fetchall()
    connection.close()
    return [str(status) for (status,) in found]


def _postgresql(rng: random.Random, case: int, root: Path) -> Outcome:
    try:
        from support import postgresql
    except ImportError:
        return Outcome("server", case, "PostgreSQL is not installed", injected=False)
    if postgresql.needed.args[0]:
        return Outcome("server", case, "PostgreSQL is not installed", injected=False)
    after = rng.randrange(2_000, 200_000)
    sweep = ("sweep", "rf_magpie", "--trials", "3", "--workers", "1", "--storage")
    with postgresql.server() as address:
        database = postgresql.database(address, "studies")
        with relay(database, after=after) as there:
            ended = run(root, (*sweep, there))
        problems = list(checks.finishes_or_explains(ended))
        with relay(database) as there:
            problems += checks.finishes(run(root, (*sweep, there)))
            problems += checks.finishes(run(root, ("reap", "--storage", there)))
    return Outcome("server", case, f"PostgreSQL lost after {after} bytes", tuple(problems), ended.code != 0)


@contextmanager
def relay(address: str, *, after: int | None = None) -> Iterator[str]:
    """An address that leads to another one; after so many bytes all connections end, and no more are taken."""
    url = urlsplit(address)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    pid = os.fork()
    if pid == 0:
        try:
            _forward(listener, (str(url.hostname), int(url.port or 0)), after)
        finally:
            os._exit(0)
    listener.close()
    try:
        yield address.replace(f"{url.hostname}:{url.port}", f"127.0.0.1:{port}")
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _forward(listener: socket.socket, to: tuple[str, int], after: int | None) -> None:
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    passed = 0
    while after is None or passed < after:
        for key, _ in selector.select():
            if key.fileobj is listener:
                near, _ = listener.accept()
                far = socket.create_connection(to)
                selector.register(near, selectors.EVENT_READ, far)
                selector.register(far, selectors.EVENT_READ, near)
                continue
            source, target = key.fileobj, key.data
            assert isinstance(source, socket.socket)
            try:
                data = source.recv(65536)
                target.sendall(data)
            except OSError:
                data = b""
            passed += len(data)
            if not data:
                for end in (source, target):
                    with suppress(KeyError, ValueError):
                        selector.unregister(end)
                    end.close()


KIND = Kind("server", "servers that disappear", lost, short=1, long=20)
