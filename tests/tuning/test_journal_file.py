"""The journal after a killed writer, a full disk, a copied project, and a bad edit."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from support.mutations import damaged, mutated

from electrode_bench.errors import UserError
from electrode_bench.tuning import storage
from electrode_bench.tuning.storage import journal, open_storage


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    storage._open.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal of one study with three trials."""
    study = optuna.create_study(study_name="a-study", storage=_reopened(tmp_path))
    for value in (1.0, 2.0, 3.0):
        study.tell(study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), value)
    return tmp_path / "studies.journal"


def _reopened(folder: Path) -> Any:
    storage._open.cache_clear()
    return open_storage(journal(folder))


def _values(folder: Path) -> list[float | None]:
    trials = optuna.load_study(study_name="a-study", storage=_reopened(folder)).get_trials()
    return [trial.values[0] if trial.values else None for trial in trials]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".flock")


@pytest.mark.parametrize("tail", [b'{"op_code":6,"worker_i', b"\0" * 50, b'{"op_code":\n', b"\xff\n\n", b"{}\n", b"1"])
def test_an_incomplete_end_is_cut_off_and_kept(file: Path, tail: bytes, caplog: pytest.LogCaptureFixture) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole + tail)
    assert _values(file.parent) == [1.0, 2.0, 3.0]
    assert file.read_bytes() == whole
    kept = file.with_name(f"studies.journal.cut-at-{len(whole)}")
    assert kept.read_bytes() == tail
    assert str(kept) in caplog.text
    study = optuna.load_study(study_name="a-study", storage=_reopened(file.parent))
    study.tell(study.ask(), 4.0)
    assert _values(file.parent) == [1.0, 2.0, 3.0, 4.0]


def test_wherever_the_file_was_cut_what_was_complete_is_read(file: Path) -> None:
    whole = file.read_bytes()
    for size in range(whole.index(b"\n") + 1, len(whole), 29):
        file.write_bytes(whole[:size])
        values = _values(file.parent)
        assert [value for value in values if value is not None] == [1.0, 2.0, 3.0][
            : sum(value is not None for value in values)
        ]
        assert whole.startswith(file.read_bytes())
        assert file.read_bytes().endswith(b"\n")


def test_an_end_that_became_incomplete_while_the_journal_is_open_is_cut_off(file: Path) -> None:
    study = optuna.load_study(study_name="a-study", storage=_reopened(file.parent))
    with file.open("ab") as stream:
        stream.write(b'{"op_code":4,"worker_id":"of a killed pro')
    study.tell(study.ask(), 4.0)
    assert _values(file.parent) == [1.0, 2.0, 3.0, 4.0]


def test_an_operation_that_was_appended_to_an_incomplete_one_is_kept(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    before = b"".join([*lines[:3], b'{"op_code":4,"worker_id":"kil' + lines[3], *lines[4:]])
    file.write_bytes(before)
    assert _values(file.parent) == [1.0, 2.0, 3.0]
    assert file.read_bytes() == b"".join(lines)
    assert file.with_name("studies.journal.damaged").read_bytes() == before


@pytest.mark.parametrize("damage", [b"{}\n", b"\n", b"\xff\n", b"[" * 9999 + b"\n"], ids=["{}", "", "ff", "nested"])
def test_another_damaged_line_is_named_and_the_file_stays(file: Path, damage: bytes) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    content = b"".join([*lines[:2], damage, *lines[2:]])
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"studies.journal, line 3 is damaged.*restore the file") as caught:
        _reopened(file.parent)
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == content


def test_an_empty_journal_has_no_studies(tmp_path: Path) -> None:
    (tmp_path / "studies.journal").touch()
    assert _reopened(tmp_path).get_all_studies() == []


def test_a_lock_that_was_left_is_not_waited_for(file: Path) -> None:
    lock = file.with_name("studies.journal.lock")
    for make in (
        lambda: lock.symlink_to(file.parent / "moved" / file.name),
        lambda: (lock.touch(), os.utime(lock, (1, 1))),
    ):
        make()
        began = time.monotonic()
        study = optuna.load_study(study_name="a-study", storage=_reopened(file.parent))
        study.tell(study.ask(), 4.0)
        assert time.monotonic() - began < 5
        assert not os.path.lexists(lock)


def test_a_full_disk_leaves_nothing_half_written(file: Path) -> None:
    study = optuna.load_study(study_name="a-study", storage=_reopened(file.parent))
    whole, limits = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, limits[1]))
    try:
        with pytest.raises(
            UserError, match=r"the studies in .*studies.journal cannot be written: File too large; see to"
        ):
            study.ask()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == whole
    study.tell(study.ask(), 4.0)
    assert _values(file.parent) == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    "name", ["folder/.", "a-file/studies.journal", "x" * 300], ids=["folder", "below a file", "too long"]
)
def test_a_path_that_cannot_be_a_journal_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"the studies in .* cannot be opened: "):
        open_storage(f"journal:///{tmp_path / name}")


def test_whatever_was_changed_a_journal_is_read_or_refused(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    changed = ["".join(f"{json.dumps(line)}\n" for line in each).encode() for each in mutated(lines, seed=5, count=150)]
    for content in [*changed, *damaged(file.read_text(), seed=6, count=150)]:
        file.write_bytes(content)
        try:
            _reopened(file.parent)
        except UserError as error:
            message = str(error)
        else:
            continue
        assert "\n" not in message
        assert "restore" in message


APPEND = """
import sys, optuna
from pathlib import Path
from electrode_bench.tuning.storage import journal, open_storage
study = optuna.load_study(study_name="a-study", storage=open_storage(journal(Path(sys.argv[1]))))
for _ in range(20):
    study.tell(study.ask(), 5.0)
"""


def test_processes_that_repair_and_write_at_once_lose_nothing(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b'{"op_code":4,"worker')
    processes = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(file.parent)], stderr=subprocess.PIPE) for _ in range(3)
    ]
    assert [process.communicate()[1].count(b"Error") + process.returncode for process in processes] == [0, 0, 0]
    assert sorted(_values(file.parent)) == [1.0, 2.0, 3.0] + [5.0] * 60
