"""The journal file of studies on one host: its lock, and what a killed writer or a full disk leaves.

A journal has one operation a line, and whatever precedes a line is a valid journal. A process that is killed while it
writes, or runs out of disk, leaves an incomplete last line. Optuna would append the next operation to it and could then
read nothing any more. Here the incomplete end is cut off, with a copy, before anything is appended. Where an operation
was appended to an incomplete one, the incomplete one goes. Other damage is an error that names the line, because later
operations refer to earlier ones by their number.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from electrode_bench.core.artifacts import replacing
from electrode_bench.errors import UserError

_LOG = logging.getLogger(__name__)

#: Seconds that a writer waits for another one, which needs milliseconds.
_PATIENCE = 60.0

#: Seconds between two tries to get the lock, which others hold for milliseconds.
_POLL = 0.002

#: Bytes that are read at once when the end is looked at.
_BLOCK = 1 << 16

#: How every line begins; also that of an operation that was appended to an incomplete one.
_BEGIN = b'{"op_code":'


class Lock(JournalFileOpenLock):
    """A lock of the operating system, which ends with its process, however that ends.

    Optuna's own lock is a symbolic link, which a killed process leaves behind: everybody then waits for half a minute,
    or for ever where the link points to nothing, as in a copy of the project.
    """

    def __init__(self, file: Path) -> None:
        self._lock = FileLock(_beside(file, "flock"), timeout=_PATIENCE)

    def acquire(self) -> bool:
        try:
            self._lock.acquire(poll_interval=_POLL)
        except Timeout:
            raise UserError(
                f"another process has held {self._lock.lock_file} for {_PATIENCE:.0f} s; wait for it or end it, "
                "then run the same command again"
            ) from None
        return True

    def release(self) -> None:
        self._lock.release()


class Journal(JournalFileBackend):
    """Optuna's journal file, in which an operation is written as a whole or not at all.

    Raises
    ------
    UserError
        From every method, when the file cannot be read or written, or has a damaged line that is not the last one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with _errors(file, "opened"):
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists() and not file.is_file():
                # A device can be read without an end.
                raise UserError(
                    f"the studies in {file} cannot be opened: it is not a file; move it away and restore the journal "
                    "from a backup, or name another storage"
                )
            super().__init__(str(file), lock_obj=Lock(file))
            _drop_old_lock(file)
            if _end_of_last_operation(file) != file.stat().st_size:
                # Where nothing can be written, the journal is read without its incomplete end.
                with suppress(OSError), self._locked():
                    self._cut_incomplete_end()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        with _errors(self._file, "read"):
            read = log_number_from
            try:
                for operation in super().read_logs(log_number_from):
                    yield _checked(operation)
                    read += 1
                return
            except (ValueError, RecursionError):
                with self._locked():
                    self._take_apart_joined_lines()
            yield from super().read_logs(read)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs).encode("utf-8")
        with _errors(self._file, "written"), self._locked():
            self._cut_incomplete_end()
            with self._file.open("r+b", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    rest = memoryview(lines)
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except BaseException:
                    # A full disk takes a part of a line.
                    file.truncate(before)
                    raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _cut_incomplete_end(self) -> None:
        """Cut off what follows the last complete operation, and keep it; the lock must be held."""
        size, end = self._file.stat().st_size, _end_of_last_operation(self._file)
        if end == size:
            return
        with self._file.open("r+b") as file:
            file.seek(end)
            self._keep(file.read(), _beside(self._file, f"cut-at-{end}"))
            file.truncate(end)
            os.fsync(file.fileno())

    def _take_apart_joined_lines(self) -> None:
        """Remove incomplete operations to which others were appended, and keep the file as it was; with the lock.

        Raises
        ------
        UserError
            When a line is damaged in another way.
        """
        content = self._file.read_bytes()
        lines = content.splitlines(keepends=True)
        for i, line in enumerate(lines):
            if _operation(line) is None:
                lines[i] = line[max(line.rfind(_BEGIN), 0) :]
                if _operation(lines[i]) is None:
                    raise UserError(
                        f"{self._file}, line {i + 1} is damaged, and later lines depend on it; restore the file from a "
                        "backup, or move it away to start the studies again"
                    )
        self._keep(content, _beside(self._file, "damaged"))
        with replacing(self._file) as temporary:
            temporary.write_bytes(b"".join(lines))

    def _keep(self, content: bytes, path: Path) -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        _LOG.warning(
            "%s had an incomplete operation, because its writer was killed or the disk was full; it was removed, and "
            "%s keeps it",
            self._file, path,
        )  # fmt: skip


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}.{suffix}")


@contextmanager
def _errors(file: Path, what: str) -> Iterator[None]:
    """Failures of the disk as one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the studies in {file} cannot be {what}: {error.strerror or error}; see to the disk and the permissions, "
            "then run the same command again"
        ) from error


def _drop_old_lock(file: Path) -> None:
    """Remove the lock that a killed process of an earlier version, or another program with Optuna, has left."""
    lock = _beside(file, "lock")
    with suppress(OSError):
        if not lock.exists() or time.time() - lock.lstat().st_mtime > _PATIENCE:
            lock.unlink(missing_ok=True)


def _end_of_last_operation(file: Path) -> int:
    """The number of bytes up to the end of the last complete line that is an operation."""
    with file.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            line = _last_line(stream, end)
            if line.endswith(b"\n") and _operation(line) is not None:
                return end
            end -= len(line)
    return 0


def _last_line(stream: Any, end: int) -> bytes:
    """The bytes after the last line break before ``end``, without looking at the last byte."""
    found, start = b"", end
    while start and b"\n" not in found[:-1]:
        step = min(start, _BLOCK)
        start -= step
        stream.seek(start)
        found = stream.read(step) + found
    return found[found.rfind(b"\n", 0, len(found) - 1) + 1 :]


def _operation(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if _is_operation(value) else None


def _is_operation(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("op_code"), int) and "worker_id" in value


def _checked(value: Any) -> dict[str, Any]:
    if not _is_operation(value):
        raise ValueError("not an operation")
    return dict(value)
