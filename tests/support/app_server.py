"""The app on a real server on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import requests
from starlette.types import ASGIApp

from electrode_bench.app import run
from electrode_bench.app.limits import Limits
from electrode_bench.app.security import Access
from electrode_bench.app.server import create_app
from electrode_bench.app.service import Loaded, Service

#: Small, so that tests can exceed them.
LIMITS = Limits(formulas=40, bytes=20_000, unpacked=200_000)


def service_of(load: Callable[[], Loaded]) -> Service:
    """A service that loads its model in this way."""
    return Service(load, limits=LIMITS, about=run.about)


def serving(service: Service, access: Access) -> AbstractContextManager[str]:
    """The address of the app."""
    return listening(create_app(service, access), service.limits)


@contextmanager
def listening(app: ASGIApp, limits: Limits, port: int = 0) -> Iterator[str]:
    """The address of a server."""
    listener = run.listening("127.0.0.1", port)
    port = listener.getsockname()[1]
    server = run.server(app, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


def finished(address: str, job: str) -> dict[str, Any]:
    """A screening once it is done or has failed."""
    for _ in range(1200):
        state: dict[str, Any] = requests.get(f"{address}/api/screenings/{job}", timeout=60).json()
        if state["state"] in ("done", "failed"):
            return state
        time.sleep(0.05)
    raise AssertionError(f"{job} does not end")


def screened(address: str, **asked: Any) -> dict[str, Any]:
    """What comes of a list, once it is done."""
    answer = requests.post(f"{address}/api/screenings", json=asked, timeout=60)
    assert answer.status_code == 202, answer.text
    return finished(address, answer.json()["id"])
