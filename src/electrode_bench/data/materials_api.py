"""The current insertion electrodes from the Materials Project's API, page by page, through its own client (mp-api)."""

from __future__ import annotations

import json
import re
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.digests import digest
from electrode_bench.core.sealed import Damaged, read_sealed, set_aside, write_sealed
from electrode_bench.errors import UserError, brief

T = TypeVar("T")

#: The name of the source.
MP_API = "mp-api"
#: The environment variable with the key. The client reads the same one.
KEY = "MP_API_KEY"
ENDPOINT = "https://api.materialsproject.org/"
ROUTE = "materials/insertion_electrodes/"
_WHERE = "https://materialsproject.org/api"

#: Documents per request. The service allows 1,000; a broken connection costs less with fewer.
PAGE = 500
#: What the documents of the pages are sorted by: the service sorts by some numbers only, and this one hardly repeats.
ORDER = "average_voltage"
#: Seconds before a page is asked for again.
WAITS = (2.0, 10.0, 30.0)
#: Answers that another try does not change: the query or the key is wrong.
_FINAL = frozenset({400, 401, 403, 404, 422})

#: What is asked for: everything but structures and the electrodes' objects, which are nearly all of a document's size.
FIELDS = (
    "battery_type", "battery_id", "thermo_type", "battery_formula", "working_ion", "num_steps", "max_voltage_step",
    "last_updated", "material_ids", "framework_formula", "warnings", "formula_charge", "formula_discharge",
    "max_delta_volume", "average_voltage", "capacity_grav", "capacity_vol", "energy_grav", "energy_vol",
    "fracA_charge", "fracA_discharge", "stability_charge", "stability_discharge", "id_charge", "id_discharge",
    "builder_meta", "license",
)  # fmt: skip


@dataclass(frozen=True)
class Access:
    """What is needed to ask the API. The key is sent to the endpoint and nowhere else: not shown, logged or stored.

    Raises
    ------
    UserError
        When the key is missing or malformed, or the endpoint would get it unencrypted.
    """

    key: str = field(repr=False)
    endpoint: str = ENDPOINT

    def __post_init__(self) -> None:
        if not self.key:
            raise UserError(f"{MP_API} needs a key; set {KEY} to yours, which {_WHERE} shows after a free registration")
        if not re.fullmatch("[A-Za-z0-9]{32}", self.key):
            raise UserError(f"{KEY} is not a key of 32 letters and digits; copy it again from {_WHERE}")
        parts = urlsplit(self.endpoint)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise UserError(f"{self.endpoint} is not an https address, so that others could read the key")

    @property
    def address(self) -> str:
        """Where the documents are."""
        return f"{self.endpoint.rstrip('/')}/{ROUTE}"


@dataclass(frozen=True)
class Downloaded:
    """What was downloaded: the database version, the number of documents, how many repeat another, and the client."""

    release: str
    documents: int
    repeats: int
    client: str


def download(
    file: Path,
    pages: Path,
    access: Access,
    *,
    progress: Callable[[int, int], None] | None = None,
    waits: Sequence[float] | None = None,
) -> Downloaded:
    """Write all documents to ``file``: sorted JSON lines, so that the same documents make the same bytes.

    Parameters
    ----------
    pages : a folder for the pages. Those that an earlier call has left there are not asked for again, unless the
        database has changed since. Delete it when the file is in use.
    progress : called with the number of documents that are there, and of all.
    waits : seconds before each further try of a page that failed; None takes WAITS.

    Raises
    ------
    UserError
        When the client cannot be imported, the key is refused, or the service cannot be reached or does not answer as
        it should. No message and no traceback has the key. Pages that are complete are kept.
    """
    service = _Service(access, WAITS if waits is None else waits)
    release, total = service.release(), service.total()
    query = {"endpoint": access.endpoint, "release": release, "total": total, "fields": service.fields, "page": PAGE}
    folder = _folder(pages, query)
    lines: list[str] = []
    for number in range(1, ceil(total / PAGE) + 1):
        expected = min(PAGE, total - (number - 1) * PAGE)
        lines += _page(folder / f"{number:05d}", number, expected, service)
        if progress:
            progress(len(lines), total)
    write_text("".join(f"{line}\n" for line in sorted(lines)), file)
    return Downloaded(release, total, total - len(set(lines)), f"{MP_API} {version('mp-api')}")


def _folder(pages: Path, query: Mapping[str, Any]) -> Path:
    """The folder for the pages of a query. Those of other queries are removed: their database has been replaced."""
    folder = pages / digest(query)[:16]
    for other in pages.glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _page(path: Path, number: int, expected: int, service: _Service) -> list[str]:
    """The documents of a page as lines: from its file, or else from the service."""
    try:
        return read_sealed(path).decode().splitlines()
    except FileNotFoundError:
        pass
    except Damaged as error:
        set_aside(path, str(error))
    documents = service.page(number)
    if len(documents) != expected:
        raise UserError(
            f"{MP_API}: page {number} has {len(documents):,} documents instead of {expected:,}; the database may be "
            "changing: run the command again later"
        )
    lines = [json.dumps(document, sort_keys=True, default=str) for document in documents]
    write_sealed("\n".join(lines).encode(), path)
    return lines


class _Service:
    """The client, whose errors become messages without the key."""

    def __init__(self, access: Access, waits: Sequence[float]) -> None:
        self._key, self._waits = access.key, waits
        client = _client()
        self._electrodes = self._ask(
            "its version",
            lambda: client(access.key, access.endpoint, use_document_model=False, mute_progress_bars=True),
        )
        self.fields = [name for name in FIELDS if name in self._electrodes.available_fields]

    def release(self) -> str:
        """The version of the database, such as 2025.09.25."""
        found = self._electrodes.db_version
        if not found:
            raise UserError(f"{MP_API}: the service does not say which version its database has; try again later")
        return str(found)

    def total(self) -> int:
        """The number of documents."""
        return int(self._ask("the number of electrodes", self._electrodes.count))

    def page(self, number: int) -> list[dict[str, Any]]:
        """The documents of a page; the first one is 1."""

        def ask() -> list[dict[str, Any]]:
            # With a page the client asks the API. Without one, and without a filter, it would read the public bucket.
            found = self._electrodes.search(
                fields=self.fields, all_fields=False, chunk_size=PAGE, num_chunks=1, _page=number, _sort_fields=ORDER
            )
            return [dict(document) for document in found]

        return self._ask(f"page {number}", ask)

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        """What ``call`` returns; it is called again after a pause where that may help."""
        for wait in (*self._waits, None):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return call()
            except Exception as error:
                problem = str(error).replace(self._key, "***") or type(error).__name__
            # Outside of the block above: the client's error refers to the request, which has the key.
            code = _status(problem)
            if code in (401, 403):
                raise UserError(
                    f"{MP_API}: the Materials Project refused the key in {KEY} (status {code}); "
                    f"copy it again from {_WHERE}"
                )
            if wait is None or code in _FINAL:
                break
            time.sleep(wait)
        advice = "wait some minutes" if code == 429 else "check the network"
        problem = brief(_QUERY.sub("", problem))
        raise UserError(
            f"{MP_API}: {what} could not be asked for ({problem}); {advice} and run the command again, "
            "which continues after the last complete page"
        )


#: The query of an address, which is as long as a message.
_QUERY = re.compile(r"(?<=[\w/])\?\S+")


def _status(problem: str) -> int | None:
    """The status of the answer that one of the client's errors is about."""
    if "does not support the request" in problem:
        return 400
    found = re.search(r"(?:status code|too many) (\d{3})", problem)
    return int(found[1]) if found else None


def _client() -> Callable[..., Any]:
    """The class of the client that asks for insertion electrodes.

    Raises
    ------
    UserError
        When it cannot be imported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mp_api.client.routes.materials.electrodes import ElectrodeRester
    except ImportError as error:
        raise UserError(
            f"{MP_API}: the client cannot be imported ({brief(error)}); install it with: make {MP_API}"
        ) from error

    class Electrodes(ElectrodeRester):  # type: ignore[misc]
        @cached_property
        def available_fields(self) -> list[str]:
            """The client derives them from its models once for each field of each request, which takes seconds."""
            return list(super().available_fields)

    return Electrodes
