"""Entries of a cache are whole or set aside, and those of an earlier version are checked from now on."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.core.sealed import SUMS
from electrode_bench.fitting.cache_entries import content, is_intact, new_entry


def _make(entry: Path, text: str = "whole") -> None:
    with new_entry(entry) as folder:
        (folder / "content").write_text(text)


def test_an_entry_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    entry = tmp_path / "cache" / "key"
    assert (content(entry), is_intact(entry)) == (None, False)
    with pytest.raises(TypeError):
        _make(entry, None)  # type: ignore[arg-type]
    assert not is_intact(entry)
    _make(entry)
    assert (content(entry), is_intact(entry)) == ({"content": b"whole"}, True)
    # Another run of the same task was first.
    _make(entry)
    assert [path.name for path in entry.parent.iterdir() if path.name[0] != "."] == ["key"]


@pytest.mark.parametrize("damage", ["file", "sums", "empty", "no folder"])
def test_a_damaged_entry_is_set_aside_and_can_be_made_again(tmp_path: Path, damage: str) -> None:
    entry = tmp_path / "key"
    _make(entry)
    if damage == "file":
        (entry / "content").write_text("other")
    else:
        for name in ("content", SUMS) if damage != "sums" else (SUMS,):
            (entry / name).unlink()
    if damage == "no folder":
        entry.rmdir()
        entry.write_text("a file")
    assert not is_intact(entry)
    assert (tmp_path / "damaged" / "key").exists()
    _make(entry)
    assert is_intact(entry)


def test_entries_of_an_earlier_version_are_sealed_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    assert content(tmp_path / "one") == {"content": b"one"}
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}: 2 entries were made without checksums by an earlier version")
    assert is_intact(tmp_path / "two")
    # From then on an entry without checksums is damaged.
    (tmp_path / "two" / SUMS).unlink()
    assert not is_intact(tmp_path / "two")
    _make(tmp_path / "three")
    assert len(caplog.messages) == 2
