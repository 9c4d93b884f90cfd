"""The Materials Project's API on loopback, as far as the client asks it for insertion electrodes.

It answers as the service's code does (FastAPI, maggma's ReadOnlyResource with PaginationQuery, SparseFieldsQuery and
SortQuery): only known query parameters are allowed, a page takes precedence over a limit and a number to skip, and
without a list of fields a document has its id and time only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "CANARYCANARYCANARYCANARYCANARY12"
RELEASE = "2026.04.13"
ROUTE = "/materials/insertion_electrodes/"
_PARAMETERS = {"_page", "_per_page", "_skip", "_limit", "_fields", "_all_fields", "_sort_fields", "working_ion"}
_MOST = 1000


@dataclass
class Service:
    """What the server has and does.

    Attributes
    ----------
    documents : of the database.
    faults : what happens to the next requests for pages, one each: a status, "drop" (the connection ends in the middle
        of the answer) or None.
    page_requests : the number of each page that was asked for, and answered or not.
    paths : of all requests.
    """

    documents: list[dict[str, Any]]
    release: str = RELEASE
    faults: list[int | str | None] = field(default_factory=list)
    heartbeat: int = 200
    page_requests: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(documents: Sequence[dict[str, Any]]) -> Iterator[Service]:
    """The service, which answers until the block ends."""
    service = Service(list(documents))

    class Handler(_Handler):
        state = service

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: Service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.state.paths.append(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/heartbeat":
            self._heartbeat()
        elif parts.path == ROUTE:
            self._electrodes(query)
        else:
            self._answer(404, {"detail": "Not Found"})

    def _heartbeat(self) -> None:
        version = {"version": "0.86.4", "db_version": self.state.release, "access_controlled_batch_ids": ["gnome"]}
        self._answer(self.state.heartbeat, {"status": "OK", "time": "2026-11-27T00:00:00", **version})

    def _electrodes(self, query: dict[str, str]) -> None:
        key = self.headers.get("X-API-KEY")
        if key != KEY:
            # A careless service repeats what it was sent.
            self._answer(401 if key is None else 403, {"detail": f"Invalid authentication credentials: {key}"})
            return
        unknown = set(query) - _PARAMETERS
        if unknown:
            self._answer(400, {"detail": f"Request contains query parameters which cannot be used: {unknown}"})
            return
        fault = None
        if "_page" in query:
            self.state.page_requests.append(int(query["_page"]))
            fault = self.state.faults.pop(0) if self.state.faults else None
        if isinstance(fault, int):
            headers = {"Retry-After": "0"} if fault == 429 else {}
            self._answer(fault, {"detail": f"for {key}: come back later"}, headers=headers)
            return
        skip, limit = self._window(query)
        if limit > _MOST:
            self._answer(400, {"detail": f"Requested more data per query than allowed: {limit}"})
            return
        found = sorted(self.state.documents, key=lambda d: str(d.get(query.get("_sort_fields", ""), "")))
        page = [self._sparse(document, query) for document in found[skip : skip + limit]]
        meta = {"api_version": "0.86.4", "time_stamp": "2026-11-27T00:00:00", "total_doc": len(found)}
        self._answer(200, {"data": page, "meta": {**meta, "max_limit": _MOST}}, broken=fault == "drop")

    @staticmethod
    def _window(query: dict[str, str]) -> tuple[int, int]:
        if "_page" in query:
            size = int(query.get("_per_page", 100))
            return (max(int(query["_page"]), 1) - 1) * size, size
        return int(query.get("_skip", 0)), int(query.get("_limit", 100))

    @staticmethod
    def _sparse(document: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        if query.get("_all_fields", "").lower() == "true":
            return document
        fields = query.get("_fields", "battery_id,last_updated").split(",")
        return {name: value for name, value in document.items() if name in fields}

    def _answer(
        self, status: int, content: dict[str, Any], *, broken: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if broken else body)
        if broken:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
