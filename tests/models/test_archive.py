"""Saved models as one file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.models.archive import pack, unpack


def _folder(root: Path) -> Path:
    (root / "inner").mkdir(parents=True)
    (root / "b.txt").write_text("tree\n" * 1000)
    (root / "inner" / "a.json").write_text("{}")
    return root


def test_what_is_packed_comes_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "model")
    (tmp_path / "model.tar.xz").write_bytes(pack(folder))
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "model.tar.xz", tmp_path / "out")
    out = tmp_path / "out"
    files = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*.*")}
    assert files == {"b.txt": "tree\n" * 1000, "inner/a.json": "{}"}


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = _folder(tmp_path / "first"), _folder(tmp_path / "second")
    os.utime(second / "b.txt", (1, 1))
    (second / "b.txt").chmod(0o600)
    assert pack(first) == pack(second)
    (second / "b.txt").write_text("other")
    assert pack(first) != pack(second)


@pytest.mark.parametrize("length", [0, 10, 100])
def test_a_damaged_archive_is_one_clear_error(tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.tar.xz"
    path.write_bytes(pack(_folder(tmp_path / "model"))[:length])
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"model\.tar\.xz cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.xz"
    content = bytearray(pack(_folder(tmp_path / "model")))
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_missing_archive_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        unpack(tmp_path / "none.tar.xz", tmp_path)
