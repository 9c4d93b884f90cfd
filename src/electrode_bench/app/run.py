"""Start a server: the app, or that of a model."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import closing

import uvicorn
from starlette.types import ASGIApp

from electrode_bench.app.limits import Limits
from electrode_bench.app.security import LOOPBACK, Access
from electrode_bench.errors import UserError
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.screened import Options
from electrode_bench.report.answers import model_line
from electrode_bench.report.candidates.shown import sources
from electrode_bench.tracking.provenance import code_version

#: A token that people may choose has at least this many characters.
SHORTEST_TOKEN = 12

_EVERYWHERE = ("0.0.0.0", "::")


def access_for(host: str, token: str | None) -> Access:
    """Who may use a server that listens on ``host``.

    Raises
    ------
    UserError
        When others could reach it without a token, or the token is short.
    """
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UserError(f"the token has {len(token)} characters; use at least {SHORTEST_TOKEN}")
    if token is None and not is_loopback(host):
        raise UserError(
            f"on {host} other computers reach the server; set a token of at least {SHORTEST_TOKEN} characters with "
            "--token or ELECTRODE_BENCH_TOKEN, or use --host 127.0.0.1"
        )
    # With a token, the names by which others reach this computer need not be known.
    return Access(token, hosts=LOOPBACK if token is None else None)


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises
    ------
    UserError
        When the address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with_options = socket.socket(family, socket.SOCK_STREAM)
        with_options.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            with_options.bind(address)
        except OSError:
            with_options.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the server cannot listen on {host}, port {port}: {reason}; choose another --port") from error
    return with_options


def about(model: FittedModel, options: Options) -> dict[str, str]:
    """Where the numbers of a screening come from, by heading."""
    return sources(model_line(model), data=model.data, code=code_version(), ordered_by=options.ordered_by)


def address(host: str, port: int) -> str:
    """Where programs on this computer find a server."""
    shown = "127.0.0.1" if host in _EVERYWHERE else host
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


def server(app: ASGIApp, limits: Limits) -> uvicorn.Server:
    """A server that is not started yet."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, timeout_keep_alive=5,
        timeout_graceful_shutdown=2, limit_concurrency=limits.connections, ws="none", proxy_headers=False,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(app: ASGIApp, limits: Limits, listener: socket.socket) -> None:
    """Answer requests until the process is told to end."""
    with closing(listener):
        server(app, limits).run(sockets=[listener])
