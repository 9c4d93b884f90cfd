"""Where data and code come from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking import provenance
from electrode_bench.tracking.provenance import lock_entry_digest


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_project_has_data_a_table_and_a_commit(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    # The folder of the tests may lie in a repository.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    source = provenance.of(project)
    assert source.synthetic
    assert source.data["source"] == "sample"
    assert source.table == project.paths.table
    assert (source.commit, source.dirty) == (None, None)
    git(project.root, "init", "--quiet")
    git(project.root, "add", "params.yaml")
    git(project.root, "commit", "--quiet", "--message", "a project")
    source = provenance.of(project)
    assert (source.commit, source.dirty) == (git(project.root, "rev-parse", "HEAD"), False)
    project.paths.params.write_text(project.paths.params.read_text() + "# changed\n")
    assert provenance.of(project).dirty


def test_the_digest_of_a_lock_entry_changes_with_that_entry_only(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    assert lock_entry_digest(tmp_path, "fit") is None
    lock.write_text("stages:\n  fit:\n    cmd: a\n  compare:\n    cmd: b\n")
    before = lock_entry_digest(tmp_path, "fit")
    lock.write_text("stages:\n  compare:\n    cmd: c\n  fit:\n    cmd: a\n")
    assert lock_entry_digest(tmp_path, "fit") == before
    lock.write_text("stages:\n  fit:\n    cmd: other\n")
    assert lock_entry_digest(tmp_path, "fit") not in (before, None)
    assert lock_entry_digest(tmp_path, "report") is None


@pytest.mark.parametrize(
    "content", [b"stages: [not, closed", b"<<<<<<< HEAD\nstages:\n=======\n", b"stages: 3\n", b"- 1\n", b"\xff\xfe"]
)
def test_a_lock_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dvc.lock").write_bytes(content)
    with pytest.raises(UserError, match=r"dvc\.lock is not a lock file of DVC .*; restore it from git") as caught:
        lock_entry_digest(tmp_path, "fit")
    assert "\n" not in str(caught.value)


def test_an_empty_or_older_lock_file_has_no_entry(tmp_path: Path) -> None:
    for content in ("", "stages:\n", "fit:\n  cmd: a\n"):
        (tmp_path / "dvc.lock").write_text(content)
        assert lock_entry_digest(tmp_path, "fit") is None
