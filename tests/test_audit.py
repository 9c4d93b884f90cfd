"""`make audit` never says that something was audited when it was not; `make sbom` lists what is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support import ROOT
from support.serving import free_port

BAD = {
    "id": "TEST-1", "summary": "bad", "details": "bad",
    "affected": [{"package": {"name": "six", "ecosystem": "PyPI"}, "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}]}],
}  # fmt: skip


@contextmanager
def database(vulnerable: str | None) -> Iterator[str]:
    """A database in OSV's format that knows one vulnerability, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = asked["package"]["name"] == vulnerable
            body = json.dumps({"vulns": [BAD]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def audit(folder: Path, *options: str) -> tuple[int, str]:
    """Exit code and output for two pins, where PyPI cannot be reached."""
    pins = folder / "pins.txt"
    pins.write_text("# made by hand\nidna==3.20\nsix==1.17.0\n")
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment = {**os.environ, "HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, str(ROOT / "tools" / "audit.py"), str(pins), "--cache-dir", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    return done.returncode, done.stdout


def test_without_a_database_the_versions_are_listed_as_not_audited(tmp_path: Path) -> None:
    code, out = audit(tmp_path)
    assert code == 0
    assert out.splitlines()[:2] == ["idna==3.20", "six==1.17.0"]
    assert out.splitlines()[-1].startswith(
        "NOT AUDITED: no database of vulnerabilities can be reached; these are the 2"
    )


@pytest.mark.parametrize(
    ("vulnerable", "code", "said"),
    [
        (None, 0, ["2 of 2 versions were audited; 0 known vulnerabilities"]),
        ("six", 1, ["six 1.17.0: TEST-1, fixed in 9.9", "2 of 2 versions were audited; 1 known vulnerabilities"]),
    ],
)
def test_a_known_vulnerability_is_named(tmp_path: Path, vulnerable: str | None, code: int, said: list[str]) -> None:
    with database(vulnerable) as address:
        assert audit(tmp_path, "--osv-url", address) == (code, "\n".join(said) + "\n")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_bill_of_materials_lists_what_is_installed(tmp_path: Path) -> None:
    """The recipe of `make sbom`, with the tools of the tests' own environment."""
    here = Path(sys.prefix)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "tools").symlink_to(here)
    old = [word for folder in (here, "tools") for word in ("-o", f"{folder}/.installed")]
    command = ["make", *old, "-o", "install", "sbom", f"VENV={here}", "AUDIT=tools"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert (made["bomFormat"], made["metadata"]["component"]["name"]) == ("CycloneDX", "electrode-bench")
    listed = {each["name"].lower(): each for each in made["components"]}
    for name in ("torch", "mlflow", "optuna", "dvc"):
        assert listed[name]["version"] == version(name)
        assert listed[name]["purl"].startswith(f"pkg:pypi/{name}@")
        assert listed[name]["licenses"]
    assert "timestamp" not in made["metadata"]
