"""Sealed content is what was written, or it is damaged: never something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from electrode_bench.core import sealed
from electrode_bench.core.sealed import SUMS, Damaged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "entry"
    (folder / "member").mkdir(parents=True)
    (folder / "model.json").write_text('{"trees": 5}')
    (folder / "member" / "weights").write_bytes(bytes(range(7)))
    sealed.seal_folder(folder)
    return folder


def _bits(path: Path) -> int:
    return len(path.read_bytes()) * 8


def _flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        (byte,) = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


def test_a_folder_is_read_as_it_was_sealed(folder: Path) -> None:
    assert sealed.read_folder(folder) == {"member/weights": bytes(range(7)), "model.json": b'{"trees": 5}'}
    sealed.check_folder(folder)
    assert sealed.read_file(folder, "model.json") == b'{"trees": 5}'
    # coreutils' sha256sum -c reads it.
    digest, name = (folder / SUMS).read_text().splitlines()[1].split("  ")
    assert (len(digest), name) == (64, "model.json")


def test_any_flipped_bit_of_a_folder_is_damage(folder: Path) -> None:
    for path in [*sealed.content_files(folder), folder / SUMS]:
        for bit in range(_bits(path)):
            _flip(path, bit)
            with pytest.raises(Damaged):
                sealed.read_folder(folder)
            _flip(path, bit)
    sealed.check_folder(folder)


def test_any_flipped_bit_of_a_sealed_file_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "rows.sealed"
    for content in (b"", b"\n", b"some rows\nand more"):
        sealed.write_sealed(content, path)
        for bit in range(_bits(path)):
            _flip(path, bit)
            with pytest.raises(Damaged):
                sealed.read_sealed(path)
            _flip(path, bit)
        assert sealed.read_sealed(path) == content


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda f: (f / "model.json").unlink(), "model.json is missing"),
        (lambda f: (f / SUMS).unlink(), "SHA256SUMS is missing"),
        (lambda f: (f / SUMS).write_text(""), "SHA256SUMS does not list its files"),
        (lambda f: (f / SUMS).write_text((f / SUMS).read_text()[:-1]), "SHA256SUMS does not list its files"),
        (lambda f: (f / "more").write_text("x"), "SHA256SUMS does not list its files"),
        (lambda f: (f / "model.json").write_text(""), "model.json does not match its checksum"),
        (lambda f: (f / "model.json").unlink() or (f / "model.json").mkdir(), "it cannot be read: .*Is a directory"),
    ],
)
def test_what_was_removed_added_or_changed_is_damage(folder: Path, damage: Callable[[Path], object], why: str) -> None:
    damage(folder)
    for check in (sealed.read_folder, sealed.check_folder):
        with pytest.raises(Damaged, match=why):
            check(folder)


def test_what_is_set_aside_is_kept_under_its_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for content in ("first", "second"):
        (tmp_path / "entry").write_text(content)
        sealed.set_aside(tmp_path / "entry", "a test")
    aside = tmp_path / "damaged"
    assert {path.name: path.read_text() for path in aside.iterdir()} == {"entry": "first", "entry-2": "second"}
    first = f"{tmp_path / 'entry'} is damaged (a test); it was moved to {aside / 'entry'} and is made again"
    assert caplog.messages[0] == first
    sealed.set_aside(tmp_path / "entry", "another process was first")
    assert len(caplog.messages) == 2
