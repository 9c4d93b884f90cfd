"""Where data and code come from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from electrode_bench.project import Project
from electrode_bench.tracking import provenance
from electrode_bench.tracking.provenance import lock_entry_digest


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_project_has_data_a_table_and_a_commit(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder of the tests may lie in a repository.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(finished.root.parent))
    source = provenance.of(finished)
    assert source.synthetic
    assert source.data["source"] == "sample"
    assert source.table == finished.paths.table
    assert (source.commit, source.dirty) == (None, None)
    git(finished.root, "init", "--quiet")
    git(finished.root, "add", "params.yaml")
    git(finished.root, "commit", "--quiet", "--message", "a project")
    source = provenance.of(finished)
    assert (source.commit, source.dirty) == (git(finished.root, "rev-parse", "HEAD"), False)
    finished.paths.params.write_text(finished.paths.params.read_text() + "# changed\n")
    assert provenance.of(finished).dirty


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
    lock.write_text("stages: [not, closed")
    assert lock_entry_digest(tmp_path, "fit") is None
