"""No command shows, stores or logs a password: a canary in every address is looked for in all that they leave."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from support import materials_project, postgresql
from support.serving import free_port

from electrode_bench import cli
from electrode_bench.data import materials_api
from electrode_bench.project import Project
from electrode_bench.tracking.locations import ARTIFACT_ROOT

pytestmark = pytest.mark.xdist_group("tracking")

CANARY = "CANARY"

#: Calls the command line: arguments -> (exit code, all that it and its child processes print).
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def run(project: Project, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["electrode-bench", "-p", str(project.root), *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = "".join(capfd.readouterr())
        assert CANARY not in printed, printed
        return int(caught.value.code or 0), printed

    return run


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://lab:CANARY%40%2F@127.0.0.1:{port}/runs",
        "postgresql://lab@127.0.0.1:{port}/runs?password=CANARY",
        "postgresql://lab:x@CANARY/y@127.0.0.1:{port}/runs",
        "postgresql://lab:x CANARY@127.0.0.1:{port}/runs",
        "http://lab:CANARY@127.0.0.1:{port}",
        "http://lab:12/CANARY@127.0.0.1:{port}",
        "ftp://lab:CANARY@127.0.0.1:{port}",
        "s3://key:CANARY@127.0.0.1:{port}/runs",
        "sqlite+x://lab:CANARY@127.0.0.1/runs",
    ],
)
def test_an_address_that_does_not_work(call: Call, finished: Project, monkeypatch, address: str) -> None:
    address = address.format(port=free_port())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv(ARTIFACT_ROOT, str(finished.root / "files"))
    monkeypatch.setenv("ELECTRODE_BENCH_STORAGE", address)
    for command in (["publish"], ["--debug", "publish"], ["sweep", "list"], ["--debug", "sweep", "list"], ["reap"]):
        code, printed = call(finished, *command)
        assert code != 0, printed
        assert ("Traceback" in printed) == ("--debug" in command), printed


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@postgresql.needed
def test_commands_that_work(
    call: Call, server: str, make_project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    names = {name: postgresql.database(server, name) for name in ("runs", "studies")}
    secret = {name: address.replace("tests@", f"tests:{CANARY}%40%2F@") for name, address in names.items()}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", secret["runs"])
    monkeypatch.setenv("ELECTRODE_BENCH_STORAGE", f"{secret['studies']}?sslpassword={CANARY}")
    monkeypatch.setenv(ARTIFACT_ROOT, str(tmp_path / "files"))
    commands = [["--debug", "publish", "--json"], ["ui", "--print"], ["sweep", "rf_magpie", "-n", "2", "-w", "1"],
                ["sweep", "list", "--json"], ["reap"]]  # fmt: skip
    try:
        assert call(project, "promote", "--protocol", "bootstrap")[0] == 0
        for folder in project.paths.results.glob("fit/*/*"):
            if folder.name != "bootstrap":
                shutil.rmtree(folder)
        for command in commands:
            code, printed = call(project, *command)
            assert code == 0, printed
    finally:
        postgresql.close_connections()
    for address in names.values():
        assert CANARY not in _contents(address)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def _contents(address: str) -> str:
    """All rows of a database."""
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in found.fetchall()]  # type: ignore[arg-type]
        assert sum(map(len, rows)) > 5
        return repr(rows)


def test_the_key_of_the_materials_project(call: Call, finished: Project, tmp_path: Path, monkeypatch) -> None:
    if importlib.util.find_spec("mp_api") is None:
        pytest.skip("needs the extra mp-api")
    copied = Project(tmp_path / "project")
    shutil.copytree(finished.root, copied.root, symlinks=True)
    (copied.root / ".dvc").mkdir(exist_ok=True)
    monkeypatch.setattr(materials_api, "WAITS", ())
    monkeypatch.setenv("MP_API_KEY", materials_project.KEY)
    with materials_project.serving([{"battery_id": "mp-aaaaaaaa_Li"}]) as service:
        monkeypatch.setenv("MP_API_ENDPOINT", service.address)
        # The server repeats the key in each of these answers.
        for status, message in ((403, "refused the key in MP_API_KEY"), (500, "page 1 could not be asked for")):
            for options in ([], ["--debug"]):
                service.faults = [status]
                code, printed = call(copied, *options, "data", "use", "mp-api")
                assert code != 0
                assert message in printed
    for path in copied.root.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_without_a_key_the_message_says_where_it_comes_from(call: Call, finished: Project, monkeypatch) -> None:
    monkeypatch.delenv("MP_API_KEY", raising=False)
    code, printed = call(finished, "data", "use", "mp-api")
    assert code == 2
    assert "mp-api needs a key; set MP_API_KEY to yours, which https://materialsproject.org/api shows" in printed
