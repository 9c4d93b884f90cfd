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
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from electrode_bench.data import importing, readers, sources
from electrode_bench.data import origin as origins
from electrode_bench.data.prepare import prepare
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare

PROJECT = Path(__file__).parents[2]
RELEASE = "2025-09-25"


def dvc(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(root: Path) -> dict[str, bytes]:
    """data.dvc and every file below data/."""
    files = [root / "data.dvc", *(root / "data").rglob("*")]
    return {str(f.relative_to(root)): f.read_bytes() for f in files if f.is_file()}


@pytest.fixture
def root(tmp_path: Path, explorer_csv: str) -> Path:
    """A project as a fresh clone has it, with data of the user's own already imported."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / "sample").mkdir()
    (root / "data").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", root / ".dvc" / "config")
    shutil.copy(PROJECT / ".dvcignore", root / ".dvcignore")
    (root / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    shutil.copy(PROJECT / "sample" / "electrodes.csv", root / "sample" / "electrodes.csv")
    mine = tmp_path / "mine.csv"
    mine.write_text(explorer_csv)
    shutil.copy(mine, root / "data" / "mine.csv")
    digest = hashlib.md5(mine.read_bytes(), usedforsecurity=False).hexdigest()
    stage = {"deps": [{"path": str(mine)}], "outs": [{"path": "data/mine.csv", "md5": digest, "hash": "md5"}]}
    (root / "data.dvc").write_text(yaml.safe_dump(stage))
    return root


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


def test_the_committed_import_is_the_sample() -> None:
    assert origins.provenance(PROJECT)["source"] == "sample"
    stage = yaml.safe_load((PROJECT / "data.dvc").read_text())
    assert not stage.get("frozen", False)
    digest = hashlib.md5((PROJECT / "sample" / "electrodes.csv").read_bytes(), usedforsecurity=False).hexdigest()
    assert stage["deps"][0]["md5"] == stage["outs"][0]["md5"] == digest


def test_sample_then_a_folder_of_documents(root: Path, tmp_path: Path, make_document: Any) -> None:
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
    assert not list((root / ".cache").glob("data-use-*"))


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
    with pytest.raises(UserError, match=rf"^{address}/page-tagged\.csv: the column 'Battery ID' is missing"):
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
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    assert Handler.asked.wait(timeout=60)
    os.killpg(running.pid, ending)
    assert running.wait(timeout=60) != 0
    assert state(root) == before
    if ending == signal.SIGINT:
        assert not list((root / ".cache").glob("data-use-*"))


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


def test_materials_project_without_s3_support(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules is how Python marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "dvc_s3", None)
    with pytest.raises(UserError, match=r"needs S3 support; install it with: make s3"):
        sources.resolve(root, "materials-project")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("materials-project@2024-12-18", "this release lost electrodes; use one of: 2022-10-28"),
        ("materials-project@yesterday", "'yesterday' is not a date like 2025-09-25; known releases: 2022-10-28"),
        ("materials-project@2025-13-01", "'2025-13-01' is not a date"),
        ("materials-project@20250925", "'20250925' is not a date"),
        ("materials-project@", "'' is not a date"),
        ("ftp://host/x.csv", "cannot fetch 'ftp://' addresses; give 'sample', "),
        ("https://host/download/123", f"does not end in {readers.formats()}; download the file"),
        ("nowhere.csv", "nowhere.csv: no such file or folder; give 'sample', "),
        ("notes.txt", "notes.txt: unsupported kind of file; give 'sample', "),
        ("empty", f"empty has no {readers.formats(many_files=True)} file; give a folder that has, or a "),
        ("data/mine.csv", "which the import replaces; move it elsewhere first"),
    ],
)
def test_sources_that_cannot_be(root: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "notes.txt").write_text("x")
    (root / "empty").mkdir()
    with pytest.raises(UserError) as error:
        sources.resolve(root, source)
    assert message in str(error.value)
    assert str(error.value).startswith(source)


def test_resolve_names_what_is_imported(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    default = sources.resolve(root, "materials-project")
    assert default.path == "remote://materials-project/2025-09-25/insertion-electrodes"
    # Inside the project a path stays relative; elsewhere it is absolute.
    assert sources.resolve(root, "./sample/electrodes.csv").path == "sample/electrodes.csv"
    assert sources.resolve(root, "../mine.csv").path == str(tmp_path / "mine.csv")
    odd = tmp_path / ".my export_2023.11.1.csv"
    odd.write_text("x")
    assert sources.resolve(root, str(odd)).name == "my_export_2023.11.1.csv"
    assert sources.resolve(root, str(odd)).meta["release"] == "2023.11.1"
    assert sources.resolve(root, "https://host/a%20b.parquet?raw=1").name == "a_b.parquet"


def test_provenance_of_an_import_made_by_hand_and_of_none(root: Path, tmp_path: Path) -> None:
    origin = origins.provenance(root)
    assert (origin["source"], origin["release"], origin["licence"]) == (
        str(tmp_path / "mine.csv"),
        "unknown",
        "unknown",
    )
    (root / "data.dvc").write_text("outs: []\n")
    with pytest.raises(UserError, match=r"data\.dvc is not a DVC import; make it again with"):
        origins.provenance(root)
    (root / "data.dvc").unlink()
    with pytest.raises(UserError, match=r"data\.dvc is missing; bring data in with: electrode-bench data use"):
        origins.provenance(root)
    shutil.rmtree(root / ".dvc")
    with pytest.raises(UserError, match="is not a DVC project; run the command in the project's folder"):
        importing.use(root, "sample")


def test_unreadable_table_is_refused_before_it_replaces_the_data(root: Path, tmp_path: Path) -> None:
    before = state(root)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    with pytest.raises(UserError) as error:
        importing.use(root, str(bad))
    assert str(error.value).startswith(f"{bad}: the column 'Battery ID' is missing")
    assert state(root) == before
    assert not list((root / ".cache").glob("data-use-*"))
