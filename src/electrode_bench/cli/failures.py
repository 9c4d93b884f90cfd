"""What the machine refuses, such as a full disk or a missing permission, as one line with the path and what to do."""

from __future__ import annotations

import errno
import getpass
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: Below so many free bytes, nothing of a project can be written.
_FULL = 1_000_000

#: What SQLite says, through any library, instead of raising an OSError.
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
    "disk i/o error": errno.EIO,
}

#: What libraries written in Rust say, such as safetensors, instead of raising an OSError.
_RUST = re.compile(r"\(os error (\d+)\)$")

_AGAIN = "then run the command again; finished work is kept"


def explained(error: BaseException, *, root: Path) -> str | None:
    """One line for an error that the machine caused; None for any other error.

    Parameters
    ----------
    root : the project's folder, which stands for a path that is not known.
    """
    for cause in _chain(error):
        if isinstance(cause, MemoryError):
            return f"memory ran out; use fewer --workers or a machine with more memory, {_AGAIN}"
        if isinstance(cause, OSError) and cause.errno is not None:
            line = _line(cause.errno, _named(cause), root)
            if line is not None:
                return line
        said = _RUST.search(str(cause))
        if said:
            return _line(int(said[1]), None, root)
        for text, code in _SQLITE.items():
            if type(cause).__name__ == "OperationalError" and text in str(cause).lower():
                return _line(code, None, root / "mlruns")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was raised from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _named(error: OSError) -> Path | None:
    # A rename names two paths; what it writes to is the second.
    name = error.filename2 or error.filename
    if name is None or isinstance(name, int):
        return None
    path = Path(os.fsdecode(name))
    # A temporary file or a lock that could not be made: what has to be changed is its folder.
    return path.parent if path.name.startswith(".") else path


def _line(code: int, path: Path | None, root: Path) -> str | None:
    where = root if path is None else path
    if code in (errno.ENOSPC, errno.EDQUOT):
        # A failed write does not name its file.
        full = ", ".join(map(str, _full_disks(where, root))) or str(where)
        quota = " or the quota of this account is used up" if code == errno.EDQUOT else ""
        return f"no space is left on the disk of {full}{quota}; free some space, {_AGAIN}"
    if code in (errno.EACCES, errno.EPERM):
        return f"no permission to use {where}; make it readable and writable for {_user()}, {_AGAIN}"
    if code == errno.EROFS:
        return f"{where} cannot be written because its file system is read-only; make it writable, {_AGAIN}"
    if code == errno.EFBIG:
        return f"a file in {where} would be larger than this account may write (ulimit -f); raise the limit, {_AGAIN}"
    if code in (errno.EMFILE, errno.ENFILE):
        return f"too many files are open; raise the limit (ulimit -n), or use fewer --workers, {_AGAIN}"
    if code in (errno.EAGAIN, errno.ENOMEM):
        return f"the system has no room for another process or for more memory; use fewer --workers, {_AGAIN}"
    if code in (errno.EIO, errno.ESTALE):
        return f"{where} cannot be read or written ({os.strerror(code).lower()}); check the disk, {_AGAIN}"
    if path is not None:
        # Such as a file where a folder should be.
        return f"{path} cannot be used ({os.strerror(code).lower()}); move it away or restore it, {_AGAIN}"
    return None


def _full_disks(*known: Path) -> Iterator[Path]:
    """A folder on each disk that has no space left, of those that a command writes to."""
    devices: set[int] = set()
    below = [known[-1] / name for name in (".cache", "results", "mlruns")]
    for path in [*known, *below, Path(tempfile.gettempdir()), Path("/dev/shm")]:
        folder = path if path.is_dir() else path.parent
        try:
            device, free = folder.stat().st_dev, shutil.disk_usage(folder).free
        except OSError:
            continue
        if device not in devices and free < _FULL:
            devices.add(device)
            yield folder


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
