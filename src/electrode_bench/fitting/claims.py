"""Claims: each entry of a cache is made by one process at a time, however many commands need it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from electrode_bench.fitting.cache_entries import is_intact

T = TypeVar("T")

_LOCKS = ".locks"

_log = logging.getLogger(__name__)


class Claims:
    """The entries that this process is making: no other process makes them at the same time.

    A claim is a lock of the operating system on a file, so it ends with the process, however that ends.
    """

    def __init__(self) -> None:
        self._held: dict[Path, FileLock] = {}

    def claim(self, entry: Path, *, wait: bool = False) -> bool:
        """Claim an entry; False when another process has claimed it, unless this one should ``wait``."""
        path = entry.parent / _LOCKS / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                return False
            _log.warning("another process is making %s; waiting for it", entry)
            lock.acquire()
        self._held[entry] = lock
        return True

    def release(self, entry: Path) -> None:
        """End the claim to an entry."""
        lock = self._held.pop(entry)
        # Before the lock is free: who then takes it notices that its file is gone, and begins again.
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()


@contextmanager
def claims() -> Iterator[Claims]:
    """Claims that end with the block."""
    held = Claims()
    try:
        yield held
    finally:
        for entry in list(held._held):
            held.release(entry)


@contextmanager
def claimed(entry: Path) -> Iterator[None]:
    """The claim to one entry for the time of the block; waits while another process has it."""
    with claims() as held:
        held.claim(entry, wait=True)
        yield


def made_once(
    work: list[T], *, entry: Callable[[T], Path], make: Callable[[Iterable[T]], Generator[Path, None, None]]
) -> Generator[Path, None, None]:
    """Make the entries of some work; yield each entry once it is in the cache.

    What another process is making is left to it, and looked for when everything else is done.

    Parameters
    ----------
    entry : the entry that a piece of work makes.
    make : does the work that it is given, which it reads as it has room for more; yields each entry that it has made.
    """
    waiting = False
    with claims() as held:
        while work:
            left: list[T] = []
            found: list[T] = []
            free = _free(work, held, entry, wait=waiting, left=left, found=found)
            with closing(make(free)) as made:
                for done in made:
                    held.release(done)
                    yield done
            yield from map(entry, found)
            work, waiting = left, True


def _free(
    work: list[T], held: Claims, entry: Callable[[T], Path], *, wait: bool, left: list[T], found: list[T]
) -> Iterator[T]:
    """The work that no other process does, claimed piece by piece.

    Parameters
    ----------
    wait : wait for the other process at the first piece, when nothing is being made here.
    left : gets what another process is making.
    found : gets what another process has made since the cache was looked at.
    """
    for position, piece in enumerate(work):
        if not held.claim(entry(piece), wait=wait and position == 0):
            left.append(piece)
        elif is_intact(entry(piece)):
            held.release(entry(piece))
            found.append(piece)
        else:
            yield piece
