"""Switching the import with DVC itself, over a real S3 server and a real HTTP server on loopback."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import forks

from electrode_bench.data import importing, readers
from electrode_bench.data.prepare import prepare
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare

RELEASE = "2025-09-25"


def dvc(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = forks.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(root: Path) -> dict[str, bytes]:
    """data.dvc and every file below data/."""
    files = [root / "data.dvc", *(root / "data").rglob("*")]
    return {str(f.relative_to(root)): f.read_bytes() for f in files if f.is_file()}


class Handler(SimpleHTTPRequestHandler):
    """Static files with the ETag that DVC asks for; /slow.csv tells that it was asked and then hangs."""

    asked = threading.Event()
    go_on = threading.Event()

    def send_head(self) -> Any:
        if self.path == "/slow.csv":
            self.asked.set()
            self.go_on.wait()
        return super().send_head()

    def end_headers(self) -> None:
        if self.path.endswith("tagged.csv"):
            self.send_header("ETag", '"1"')
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    Handler.asked.clear()
    Handler.go_on.clear()
    yield f"http://127.0.0.1:{server.server_port}", folder
    Handler.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder on another file system than temporary files, where this machine has one."""
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as name:
        yield Path(name)


def test_sample_then_a_folder_of_documents(root: Path, tmp_path: Path, make_document: Any, other_disk: Path) -> None:
    # No file can be renamed from one disk to another.
    (root / ".cache").symlink_to(other_disk)
    origin = importing.use(root, "sample")
    assert (origin["source"], origin["release"]) == ("sample", "synthetic 2")
    assert (
        origin["md5"] == hashlib.md5((root / "sample/electrodes.csv").read_bytes(), usedforsecurity=False).hexdigest()
    )
    assert set(state(root)) == {"data.dvc", "data/electrodes.csv"}
    # DVC agrees that there is nothing to do.
    assert "didn't change, skipping" in dvc(root, "repro", "data.dvc")

    folder = tmp_path / "dump-2025-06-09"
    (folder / "part").mkdir(parents=True)
    (folder / "part" / "0.jsonl.gz").write_bytes(gzip.compress(json.dumps(make_document()).encode()))
    origin = importing.use(root, str(folder))
    assert (origin["source"], origin["release"], origin["files"]) == (str(folder), "2025-06-09", 1)
    assert set(state(root)) == {"data.dvc", "data/dump-2025-06-09/part/0.jsonl.gz"}
    assert len(readers.read(root / "data").frame) == 1
    assert not list(root.glob(".data-use-*"))


def test_licences_that_documents_state_are_in_data_dvc(root: Path, tmp_path: Path, make_document: Any) -> None:
    documents = [
        make_document(builder_meta={"license": "BY-NC"}),
        make_document(battery_id="synthetic-2_Li", average_voltage=3.1, builder_meta={"license": "BY-C"}),
    ]
    mine = tmp_path / "mine.jsonl"
    mine.write_text("\n".join(map(json.dumps, documents)))
    found = importing.use(root, str(mine))
    assert found["licence"] == "CC BY 4.0 (1 electrode); CC BY-NC 4.0 (1 electrode, no commercial use)"
    assert found["warnings"] == ["part of the data must not be used commercially: CC BY-NC 4.0"]
    # DVC does not take it for another import.
    assert "didn't change, skipping" in dvc(root, "repro", "data.dvc")


def test_url(root: Path, web: tuple[str, Path], explorer_csv: str) -> None:
    address, folder = web
    (folder / "tagged.csv").write_text(explorer_csv)
    origin = importing.use(root, f"{address}/tagged.csv")
    assert origin["source"] == f"{address}/tagged.csv"
    assert (root / "data" / "tagged.csv").read_text() == explorer_csv

    before = state(root)
    with pytest.raises(UserError) as error:
        importing.use(root, f"{address}/missing.csv")
    assert str(error.value) == (
        f"{address}/missing.csv could not be imported: '{address}/missing.csv' does not exist; "
        "check the address and the network, or download the file and give its path"
    )
    (folder / "page-tagged.csv").write_text("<html>Sign in</html>\n")
    with pytest.raises(UserError, match=rf"^{address}/page-tagged\.csv: the columns 'Battery ID', "):
        importing.use(root, f"{address}/page-tagged.csv")
    assert state(root) == before


def test_no_network(root: Path) -> None:
    before = state(root)
    # Nothing listens on the port of a server that has just been closed.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.server_close()
    address = f"http://127.0.0.1:{server.server_port}/x.csv"
    with pytest.raises(UserError, match=r"could not be imported: .*; check the address and the network") as error:
        importing.use(root, address)
    assert "\n" not in str(error.value)
    assert state(root) == before


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_leaves_the_old_data(root: Path, web: tuple[str, Path], ending: signal.Signals) -> None:
    before = state(root)
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from pathlib import Path; from electrode_bench.data import importing; "
    code += "importing.use(Path(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", code, str(root), f"{web[0]}/slow.csv"]
    running = forks.Process(command, start_new_session=True, stderr=subprocess.DEVNULL)
    assert Handler.asked.wait(timeout=60)
    os.killpg(running.pid, ending)
    assert running.wait(timeout=60) != 0
    assert state(root) == before
    if ending == signal.SIGINT:
        assert not list(root.glob(".data-use-*"))


def test_two_switches_at_once_are_refused(root: Path) -> None:
    from filelock import FileLock

    (root / ".cache").mkdir()
    with FileLock(root / ".cache" / "data-use.lock"), pytest.raises(UserError, match="another 'data use' is running"):
        importing.use(root, "sample")


# --- S3 -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Address of a real S3 server with an empty public bucket."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    code = (
        "import sys; from moto.server import ThreadedMotoServer; "
        "s = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); s.start(); "
        "print(s.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.kill()


def put(address: str, path: str, body: bytes = b"") -> None:
    import urllib.request

    # Without a content type of its own urllib claims a web form, which the server would parse.
    headers = {"Content-Type": "application/octet-stream", "x-amz-acl": "public-read"}
    request = urllib.request.Request(f"{address}/{path}", data=body, method="PUT", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def test_materials_project_over_s3(root: Path, s3: str, make_document: Any) -> None:
    put(s3, "materialsproject-build")
    prefix = f"materialsproject-build/collections/{RELEASE}/insertion-electrodes"
    first = [make_document(), make_document(battery_id="synthetic-2_Li", average_voltage=None)]
    second = [make_document(battery_id="synthetic-3_Li", thermo_type="R2SCAN")]
    for name, documents in (("a=1/0.jsonl.gz", first), ("a=2/0.jsonl.gz", second)):
        lines = "\n".join(map(json.dumps, documents)).encode()
        put(s3, f"{prefix}/{name}", gzip.compress(lines))
    dvc(root, "remote", "modify", "--local", "materials-project", "endpointurl", s3)

    before = state(root)
    with pytest.raises(UserError) as error:
        importing.use(root, "materials-project@2024-02-29")
    assert str(error.value).startswith("materials-project@2024-02-29 could not be imported: ")
    assert "check the network and the date (known: 2022-10-28, " in str(error.value)
    assert "\n" not in str(error.value)
    assert state(root) == before

    origin = importing.use(root, f"materials-project@{RELEASE}")
    assert origin["path"] == f"remote://materials-project/{RELEASE}/insertion-electrodes"
    assert (origin["source"], origin["release"], origin["files"]) == (f"materials-project@{RELEASE}", RELEASE, 2)
    assert origin["licence"].startswith("CC BY 4.0")
    assert "10.1063/1.4812323" in origin["citation"]
    done = prepare(readers.read(root / "data"), Prepare())
    assert list(done.table["electrode_id"]) == ["synthetic-1_Li", "synthetic-3_Li"]
    assert list(done.rejects["file"]) == ["insertion-electrodes/a=1/0.jsonl.gz"]
    assert "didn't change, skipping" in dvc(root, "repro", "data.dvc")


def test_unreadable_table_is_refused_before_it_replaces_the_data(root: Path, tmp_path: Path) -> None:
    before = state(root)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    with pytest.raises(UserError) as error:
        importing.use(root, str(bad))
    assert str(error.value).startswith(f"{bad}: the columns 'Battery ID', 'Working Ion', ")
    assert state(root) == before
    assert not list(root.glob(".data-use-*"))


def test_a_table_without_a_usable_row_does_not_replace_the_data(root: Path, tmp_path: Path, explorer_csv: str) -> None:
    before = state(root)
    bad = tmp_path / "bad.csv"
    bad.write_text(explorer_csv.replace("PO4", "P04").replace("Mn", "Xx").replace("CoO2", "CO-2"))
    with pytest.raises(UserError) as error:
        importing.use(root, str(bad))
    message = str(error.value)
    assert message.startswith(
        f"{bad}: none of its 3 rows can be used; the first: bad.csv, line 2: charged: the formula"
    )
    assert message.endswith("; the data in place was kept")
    assert state(root) == before


def test_what_can_be_used_is_said_with_conversions_and_doubts(root: Path, tmp_path: Path, explorer_csv: str) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(explorer_csv.replace("Gravimetric Capacity", "Gravimetric Capacity (C/g)") + "x,too,few\n")
    found = importing.use(root, str(mine))
    assert (found["rows"], found["rejects"]) == (3, 1)
    assert found["warnings"][0].startswith("'Gravimetric Capacity (C/g)': C/g was converted to mAh/g")
    assert "3 of 3 rows violate Faraday's law" in found["warnings"][1]


def test_a_folder_that_is_not_a_dvc_project_is_refused(root: Path) -> None:
    shutil.rmtree(root / ".dvc")
    with pytest.raises(UserError, match="is not a DVC project; run the command in the project's folder"):
        importing.use(root, "sample")
