"""Cached content with checksums: what a disk, a full file system or a program has changed is noticed, never used.

A sealed folder has a file ``SHA256SUMS``, as the command sha256sum writes it, with the digest of every other file. A
sealed file begins with a line that holds the digest of the rest, so that both are replaced at once. The digest is
compared before the content is parsed, because a parser may fail in any way on damaged bytes, or read other numbers.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from electrode_bench.core.artifacts import replacing, write_text

T = TypeVar("T")

#: The file of a sealed folder that has the digests of the others.
SUMS = "SHA256SUMS"

#: The folder of a cache that damaged entries are moved to.
ASIDE = "damaged"

_log = logging.getLogger(__name__)


class Damaged(Exception):
    """Sealed content is not what was written; the message says where it differs."""


def content_files(folder: Path) -> Iterator[Path]:
    """The files of a folder and its subfolders, without hidden files and ``SHA256SUMS``, in alphabetical order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != SUMS and not path.name.startswith("."):
            yield path


def seal_folder(folder: Path) -> None:
    """Write the digests of all files of a folder into its ``SHA256SUMS``."""
    lines = [f"{_digest_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in content_files(folder)]
    write_text("".join(lines), folder / SUMS)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The content of every file of a sealed folder, by its path below the folder.

    Raises
    ------
    Damaged
        When a file is missing, was added or changed, or cannot be read.
    """
    return _checked(folder, Path.read_bytes, lambda content: hashlib.sha256(content).hexdigest())


def check_folder(folder: Path) -> None:
    """Check a sealed folder without keeping its content in memory; errors as :func:`read_folder`."""
    _checked(folder, _digest_of, lambda digest: digest)


def read_file(folder: Path, name: str) -> bytes:
    """The content of one file of a sealed folder.

    Raises
    ------
    FileNotFoundError
        When the folder has no such file, or no checksums.
    Damaged
        When the file does not match its checksum.
    """
    content = (folder / name).read_bytes()
    if f"{hashlib.sha256(content).hexdigest()}  {name}".encode() not in (folder / SUMS).read_bytes().split(b"\n"):
        raise Damaged(f"{name} does not match its checksum")
    return content


def _checked(folder: Path, read: Callable[[Path], T], digest_of: Callable[[T], str]) -> dict[str, T]:
    out: dict[str, T] = {}
    try:
        # Text is compared as text: whatever has changed in SHA256SUMS, some line no longer fits its file.
        lines = (folder / SUMS).read_bytes().decode("ascii", errors="replace").split("\n")
        for line in lines[:-1]:
            digest, _, name = line.partition("  ")
            out[name] = read(folder / name)
            if digest_of(out[name]) != digest:
                raise Damaged(f"{name} does not match its checksum")
        names = [path.relative_to(folder).as_posix() for path in content_files(folder)]
    except PermissionError:
        # It may well be whole.
        raise
    except FileNotFoundError as error:
        raise Damaged(f"{Path(str(error.filename)).name} is missing") from error
    except (OSError, ValueError) as error:
        raise Damaged(f"it cannot be read: {error}") from error
    if lines[-1] or list(out) != names:
        raise Damaged(f"{SUMS} does not list its files")
    return out


def write_sealed(content: bytes, path: Path) -> None:
    """Write ``content`` as a sealed file, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def read_sealed(path: Path) -> bytes:
    """The content of a sealed file.

    Raises
    ------
    FileNotFoundError
        When there is no file.
    Damaged
        When its content has changed or cannot be read.
    """
    try:
        digest, end, content = path.read_bytes().partition(b"\n")
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Damaged(f"it cannot be read: {error}") from error
    if not end or digest != hashlib.sha256(content).hexdigest().encode():
        raise Damaged("it does not match its checksum")
    return content


def set_aside(path: Path, why: str) -> None:
    """Move a damaged entry of a cache into the cache's folder ``damaged``, and say so in one line.

    The entry is kept because it may be the only trace of a failing disk. Nothing reads it again.
    """
    folder = path.parent / ASIDE
    folder.mkdir(exist_ok=True)
    number, aside = 1, folder / path.name
    while os.path.lexists(aside):
        number += 1
        aside = folder / f"{path.name}-{number}"
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        # Another process was first.
        return
    _log.warning("%s is damaged (%s); it was moved to %s and is made again", path, why, aside)


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
