"""What the machine refuses is one line with the path and what to do, whichever library reports it."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from pathlib import Path

import pytest
from safetensors import SafetensorError
from support import executor_work as work

from electrode_bench.cli.failures import explained
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Project


def _error(code: int, path: str | None = "/data/x.parquet") -> OSError:
    return OSError(code, os.strerror(code), path)


@pytest.mark.parametrize(
    ("error", "begins"),
    [
        (_error(errno.EACCES), "no permission to use /data/x.parquet; make it readable and writable for "),
        (_error(errno.EACCES, "/data/.x.csv.1a2b.part"), "no permission to use /data; make it readable"),
        (_error(errno.EPERM), "no permission to use /data/x.parquet; "),
        (_error(errno.ENOSPC), "no space is left on the disk of "),
        (_error(errno.ENOSPC, None), "no space is left on the disk of /project; free some space, then run the comma"),
        (_error(errno.EDQUOT, None), "no space is left on the disk of /project or the quota of this account is used"),
        (_error(errno.EROFS), "/data/x.parquet cannot be written because its file system is read-only"),
        (_error(errno.EIO), "/data/x.parquet cannot be read or written (input/output error); check the disk"),
        (_error(errno.EISDIR), "/data/x.parquet cannot be used (is a directory); move it away or restore it"),
        (_error(errno.EMFILE, None), "too many files are open; raise the limit (ulimit -n)"),
        (_error(errno.EAGAIN, None), "the system has no room for another process"),
        (OSError(errno.EXDEV, "x", "/a", None, "/b/y"), "/b/y cannot be used (invalid cross-device link)"),
        (MemoryError(), "memory ran out; use fewer --workers"),
        (
            SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "no space is left on the disk of /project; free some space",
        ),
        (sqlite3.OperationalError("database or disk is full"), "no space is left on the disk of /project/mlruns"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "/project/mlruns cannot be written"),
    ],
)
def test_a_failure_of_the_machine_says_where_and_what_to_do(error: BaseException, begins: str) -> None:
    line = explained(error, root=Path("/project"))
    assert line is not None
    assert line.startswith(begins)
    assert line.endswith("then run the command again; finished work is kept")
    assert "\n" not in line


@pytest.mark.parametrize("error", [ValueError("x"), OSError("no errno"), sqlite3.OperationalError("no such table")])
def test_other_errors_are_not_the_machines(error: BaseException) -> None:
    assert explained(error, root=Path("/project")) is None


def test_the_error_behind_an_error_counts() -> None:
    error = RuntimeError("the library failed")
    error.__cause__ = ValueError("so it did")
    error.__cause__.__context__ = _error(errno.EACCES)
    assert "no permission to use /data/x.parquet" in str(explained(error, root=Path("/project")))


def test_an_error_of_a_worker_keeps_its_path(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(OSError, match="Is a directory") as caught:
        list(Local(2).run(work.beat, ((tmp_path, number) for number in (1, 1))))
    assert str(explained(caught.value, root=Path("/project"))).startswith(f"{tmp_path / '1'} cannot be used")


def test_a_command_that_cannot_write_ends_with_one_line(run, project: Project) -> None:
    project.paths.results.write_text("a file where a folder should be")
    code, out, err = run("--project", str(project.root), "prepare")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"error: {project.paths.results}")
    assert "move it away or restore it, then run the command again" in err


def test_a_file_that_the_account_may_not_write_ends_with_one_line(run, project: Project) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        code, _, err = run("--project", str(project.root), "prepare")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (code, err.count("\n")) == (1, 1), err
    assert "would be larger than this account may write" in err
    assert not list(project.paths.results.rglob("*.part"))
