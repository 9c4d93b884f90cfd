"""The Materials Project's real client against a server on loopback that answers as its API does."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import materials_project
from support.materials_project import KEY, RELEASE, Service

from electrode_bench.data import importing, materials_api, readers
from electrode_bench.data.materials_api import Access, download
from electrode_bench.data.origin import provenance
from electrode_bench.data.prepare import prepare
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client asks this machine only: its checks of versions, public buckets and news would leave it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"the client connects to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service(make_document: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Ten documents as the current release has them, in an order of their own: 4 pages of 3."""
    if importlib.util.find_spec("mp_api") is None:
        pytest.skip("needs the extra mp-api")
    monkeypatch.setattr(materials_api, "PAGE", 3)
    letters = "jcaibhdgfe"
    documents = [
        make_document(
            material_ids=["mvc-1", "mp-aaaadaaa", f"mp-aaaacc{letter}z"],
            thermo_type=None,
            last_updated="2026-03-01T00:00:00",
            average_voltage=3.0 + number / 100,
            builder_meta={"emmet_version": "0.86.4", "license": "BY-NC" if letter in "af" else "BY-C"},
        )
        for number, letter in enumerate(letters)
    ]
    for document in documents:
        del document["battery_id"]
    with materials_project.serving(documents) as made:
        yield made


def run(service: Service, tmp_path: Path, *, key: str = KEY, waits: tuple[float, ...] = (), **options: Any) -> Any:
    access = Access(key, service.address)
    return download(tmp_path / "all.jsonl", tmp_path / "pages", access, waits=waits, **options)


def ids(tmp_path: Path) -> list[str]:
    return sorted(readers.read(tmp_path / "all.jsonl").frame["electrode_id"])


def refused(service: Service, tmp_path: Path, **options: Any) -> str:
    """The message of a download that fails, after the key was looked for in all that could show it."""
    with pytest.raises(UserError) as error:
        run(service, tmp_path, **options)
    shown = "".join(traceback.format_exception(error.value))
    assert KEY not in shown
    assert error.value.__context__ is None
    assert "\n" not in str(error.value)
    return str(error.value)


def test_all_pages_are_downloaded_with_the_release(service: Service, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = run(service, tmp_path, progress=lambda *counts: told.append(counts))
    assert (done.release, done.documents, done.repeats) == (RELEASE, 10, 0)
    assert done.client.startswith("mp-api ")
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert ids(tmp_path) == [f"mp-aaaacc{letter}z_Li" for letter in "abcdefghij"]
    assert service.page_requests == [1, 2, 3, 4]
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert sum('"license": "BY-NC"' in line for line in lines) == 2
    # Structures and objects, which are most of a document, are not asked for.
    assert not {"host_structure", "electrode_object", "adj_pairs"} & set(first)
    assert set(service.paths) <= {"/heartbeat", materials_project.ROUTE}


def test_the_same_documents_make_the_same_bytes(service: Service, tmp_path: Path) -> None:
    run(service, tmp_path)
    before = (tmp_path / "all.jsonl").read_bytes()
    shutil.rmtree(tmp_path / "pages")
    service.documents.reverse()
    run(service, tmp_path)
    assert (tmp_path / "all.jsonl").read_bytes() == before


@pytest.mark.parametrize("fault", [500, 503, "drop"])
def test_an_interrupted_download_asks_for_the_missing_pages_only(
    service: Service, tmp_path: Path, fault: int | str
) -> None:
    service.faults = [None, None, fault]
    message = refused(service, tmp_path)
    assert message.startswith("mp-api: page 3 could not be asked for (")
    assert "_fields" not in message
    assert message.endswith("run the command again, which continues after the last complete page")
    assert not (tmp_path / "all.jsonl").exists()
    service.page_requests.clear()
    run(service, tmp_path)
    assert service.page_requests == [3, 4]
    assert len(ids(tmp_path)) == 10


@pytest.mark.parametrize("fault", [429, 500, 503, "drop"])
def test_a_page_that_fails_is_asked_for_again(service: Service, tmp_path: Path, fault: int | str) -> None:
    service.faults = [None, fault]
    run(service, tmp_path, waits=(0.0,))
    assert service.page_requests == [1, 2, 2, 3, 4]


def test_too_many_requests_are_not_answered_with_more(service: Service, tmp_path: Path) -> None:
    service.faults = [429] * 20
    assert "wait some minutes and run the command again" in refused(service, tmp_path)
    # The client itself asks four times.
    assert len(service.page_requests) <= 4


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_tried_again(service: Service, tmp_path: Path, status: int) -> None:
    service.faults = [status, None]
    message = refused(service, tmp_path, waits=(0.0, 0.0))
    assert f"refused the key in MP_API_KEY (status {status}); copy it again from https://" in message
    assert service.page_requests == [1]


def test_another_key_is_refused_and_not_repeated(service: Service, tmp_path: Path) -> None:
    wrong = "WRONG" + KEY[5:]
    with pytest.raises(UserError, match="refused the key in MP_API_KEY") as error:
        run(service, tmp_path, key=wrong)
    assert wrong not in "".join(traceback.format_exception(error.value))


def test_pages_of_an_earlier_release_are_not_used(service: Service, tmp_path: Path) -> None:
    service.faults = [None, None, 500]
    refused(service, tmp_path)
    service.release = "2026.10.01"
    service.page_requests.clear()
    # In a process the client asks for the version once; a new command is a new process.
    from mp_api.client.routes.materials.electrodes import ElectrodeRester

    ElectrodeRester._get_heartbeat_info.cache_clear()
    assert run(service, tmp_path).release == "2026.10.01"
    assert service.page_requests == [1, 2, 3, 4]
    assert len(list((tmp_path / "pages").iterdir())) == 1


def test_a_damaged_page_is_downloaded_again(service: Service, tmp_path: Path, caplog) -> None:
    service.faults = [None, None, 500]
    refused(service, tmp_path)
    (page,) = (tmp_path / "pages").rglob("00002")
    page.write_bytes(page.read_bytes()[:-20])
    service.page_requests.clear()
    run(service, tmp_path)
    assert service.page_requests == [2, 3, 4]
    assert "is damaged" in caplog.text
    assert len(ids(tmp_path)) == 10


def test_a_service_that_does_not_say_its_release_is_refused(service: Service, tmp_path: Path) -> None:
    service.heartbeat = 403
    assert "does not say which version its database has" in refused(service, tmp_path)


def test_a_server_that_is_not_there(service: Service, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        service.address = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert "could not be asked for" in refused(service, tmp_path)


@pytest.mark.parametrize("key", ["", "short", KEY + "\n", KEY[:-1] + "é"])
def test_a_key_that_cannot_be_one_is_not_sent(key: str) -> None:
    with pytest.raises(UserError, match="MP_API_KEY") as error:
        Access(key)
    assert key == "" or key not in str(error.value)


def test_the_key_is_not_sent_unencrypted_nor_shown() -> None:
    with pytest.raises(UserError, match="is not an https address"):
        Access(KEY, "http://api.example.org/")
    assert KEY not in repr(Access(KEY))


def test_without_the_client_the_message_says_how_to_install_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mp_api", None)
    with pytest.raises(UserError, match=r"^mp-api needs .*; install it with: make mp-api$"):
        importing.use(root, "mp-api")


# --- as the project's data ---


def use(root: Path, service: Service) -> dict[str, Any]:
    return importing.use(root, "mp-api", access=Access(KEY, service.address))


def test_it_becomes_the_projects_data_without_the_key(root: Path, service: Service) -> None:
    origin = use(root, service)
    assert (origin["source"], origin["release"]) == ("mp-api", RELEASE)
    assert origin["path"] == f"{service.address}materials/insertion_electrodes/"
    assert (origin["rows"], origin["rejects"]) == (10, 0)
    assert origin["warnings"] == ["part of the data must not be used commercially: CC BY-NC 4.0"]
    assert origin["licence"] == "CC BY 4.0 (8 electrodes); CC BY-NC 4.0 (2 electrodes, no commercial use)"
    assert {**provenance(root), **origin} == origin
    stage = yaml.safe_load((root / "data.dvc").read_text())
    assert stage["meta"]["client"].startswith("mp-api ")
    assert "deps" not in stage
    for path in root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert not (root / ".cache" / "mp-api").exists()
    done = prepare(readers.read(root / "data"), Prepare())
    assert set(done.table["thermo_type"]) == {"unknown"}
    assert done.licences == {"CC BY 4.0": 8, "CC BY-NC 4.0": 2}


def test_a_failed_download_keeps_the_data_and_the_pages(root: Path, service: Service, monkeypatch) -> None:
    monkeypatch.setattr(materials_api, "WAITS", ())
    before = (root / "data.dvc").read_bytes()
    service.faults = [None, 400]
    with pytest.raises(UserError, match="page 2 could not be asked for"):
        use(root, service)
    assert (root / "data.dvc").read_bytes() == before
    assert not list(root.glob(".data-use-*"))
    service.page_requests.clear()
    assert use(root, service)["rows"] == 10
    assert service.page_requests == [2, 3, 4]


def test_documents_with_one_id_for_each_ion_are_all_kept(root: Path, service: Service) -> None:
    for document in service.documents:
        document["material_ids"] = ["mp-aaaaaaaa"]
    assert use(root, service)["rows"] == 10


def test_repeated_documents_are_a_warning(root: Path, service: Service) -> None:
    service.documents[3] = service.documents[4]
    assert use(root, service)["warnings"][1:] == ["1 documents came twice, so others may be missing; import it again"]


def test_a_thermo_type_that_no_document_states_is_named(root: Path, service: Service) -> None:
    use(root, service)
    with pytest.raises(UserError, match=r"the thermo type is not stated, and prepare\.thermo_types keeps R2SCAN only"):
        prepare(readers.read(root / "data"), Prepare(thermo_types=["R2SCAN"]))
