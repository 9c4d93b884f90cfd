"""Where a table to compare comes from: files, the sample, a server, projects, and commits from DVC's cache."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from electrode_bench.data.importing import fetch
from electrode_bench.data.releases.sides import Side, side
from electrode_bench.data.sources import Source
from electrode_bench.errors import UserError


@pytest.fixture
def look(root: Path, tmp_path: Path):
    """The side that a text means, seen from the project."""
    workspace = tmp_path / "workspace"

    def call(named: str | None) -> Side:
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        return side(root, named, workspace)

    return call


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(root: Path, *, cached: bool = True) -> str:
    """Commit the project's import, with its data in the cache; then remove the data and change the import."""
    (root / "params.yaml").write_text("seed: 1\nprepare: {max_steps: 1}\n")
    digest = hashlib.md5((root / "data" / "mine.csv").read_bytes(), usedforsecurity=False).hexdigest()
    place = root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    if cached:
        place.parent.mkdir(parents=True)
        shutil.copy(root / "data" / "mine.csv", place)
    git(root, "init", "--quiet")
    git(root, "add", "data.dvc", "params.yaml")
    git(root, "commit", "--quiet", "--message", "data")
    shutil.rmtree(root / "data")
    (root / "data.dvc").write_text("")
    return git(root, "rev-parse", "HEAD")


def test_files_and_the_sample(look, tmp_path: Path, make_document) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.jsonl").write_text(json.dumps(make_document()) + "\n")
    found = look(str(tmp_path / "mine.csv"))
    assert (len(found.table), found.source) == (3, "mine.csv")
    assert found.md5 == hashlib.md5((tmp_path / "mine.csv").read_bytes(), usedforsecurity=False).hexdigest()
    assert (len(look(str(documents)).table), look(str(documents)).md5) == (1, None)
    sample = look("sample")
    assert sample.synthetic
    assert len(sample.table) > 100


def test_the_rules_of_the_project_prepare_a_source(look, root: Path, tmp_path: Path) -> None:
    (root / "params.yaml").write_text("seed: 1\nprepare: {max_steps: 1}\nanother_version: {}\n")
    found = look(str(tmp_path / "mine.csv"))
    assert (len(found.table), found.rejects) == (2, 1)


def test_a_project_is_what_its_data_holds(look, root: Path) -> None:
    (root / "params.yaml").write_text("seed: 1\n")
    assert len(look(None).table) == len(look(str(root)).table) == 3
    assert look(None).project is None  # nothing was fitted


def test_a_url_is_fetched_and_the_project_stays_as_it_is(look, root: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            found = look(f"http://127.0.0.1:{server.server_port}/mine.csv")
        finally:
            server.shutdown()
            thread.join()
    assert len(found.table) == 3
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


class _Quiet(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("ETag", '"1"')
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_commit_is_restored_from_the_cache_with_its_own_rules(look, root: Path) -> None:
    commit = committed(root)
    (root / "params.yaml").write_text("seed: 1\n")
    found = look("HEAD")
    assert found.name == f"HEAD ({commit[:10]})"
    assert (len(found.table), found.rejects) == (2, 1)
    assert not (root / "data").exists()


def test_folders_of_the_cache_and_runs_are_restored(look, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "kept")
    committed(root)
    cache = root / ".dvc" / "cache" / "files" / "md5"
    content = (tmp_path / "kept" / "mine.csv").read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    (cache / "ff").mkdir(exist_ok=True)
    # Paths out of the project are not followed.
    listed = [{"md5": md5, "relpath": "loco/cell.json"}, {"md5": md5, "relpath": "../../../../out.csv"}]
    (cache / "ff" / f"{'f' * 30}.dir").write_text(json.dumps(listed))
    table = {"path": "results/prepare/table.parquet", "md5": md5}
    stages = {
        "prepare": {"outs": [table]},
        "fit@control": {"outs": [{"path": "results/fit/control", "md5": f"{'f' * 32}.dir"}]},
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    git(root, "add", "dvc.lock")
    git(root, "commit", "--quiet", "--message", "runs")
    found = look("HEAD")
    assert found.project is not None
    assert [path.name for path in found.project.paths.runs()] == ["loco"]
    assert not list(tmp_path.rglob("out.csv"))


@pytest.mark.parametrize("named", ["nothing.csv", "no-branch", "--all", ""])
def test_what_is_no_source_and_no_commit_is_one_line(look, root: Path, named: str) -> None:
    committed(root)
    with pytest.raises(UserError, match="no such file, folder or commit; give a source as for 'data use'"):
        look(named)


def test_what_is_downloaded_page_by_page_is_compared_as_a_commit(root: Path, tmp_path: Path) -> None:
    # The client of this source is an extra, so its source is made by hand.
    source = Source("https://example.org", "x.jsonl", {"source": "mp-api"}, downloads=True)
    with pytest.raises(UserError, match="run `electrode-bench data use mp-api`, then compare it with a commit"):
        fetch(root, source, tmp_path)


def test_a_commit_whose_data_is_gone_says_so(look, root: Path) -> None:
    commit = committed(root, cached=False)
    with pytest.raises(UserError, match=rf"the data of commit {commit[:10]} \(md5 \w+\) is not in DVC's cache"):
        look("HEAD")


def test_a_commit_without_data_says_so(look, root: Path) -> None:
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "empty")
    with pytest.raises(UserError, match=r"has no data\.dvc"):
        look("HEAD")


def test_a_project_without_data_says_so(look, root: Path) -> None:
    shutil.rmtree(root / "data")
    (root / "params.yaml").write_text("seed: 1\n")
    with pytest.raises(UserError, match="has no data; bring some in with"):
        look(None)
