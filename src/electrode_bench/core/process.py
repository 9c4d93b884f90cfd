"""Which process works on a trial or a run, and whether it is still alive."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import psutil

#: Seconds by which two readings of a process's start may differ: the system derives it from its clock.
_TOLERANCE = 5.0


@dataclass(frozen=True)
class DriverProcess:
    """The process that hands out a study's trials, or that publishes a run.

    ``started`` is the start of the process in seconds since 1970, because process ids are used again; 0 where the
    system does not tell.
    """

    host: str
    pid: int
    started: float = 0.0

    @classmethod
    def this_process(cls) -> Self:
        return cls(platform.node(), os.getpid(), _started(os.getpid()) or 0.0)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`as_json`; values of an earlier version lack the start."""
        return cls(str(values["host"]), int(values["pid"]), float(values.get("started", 0.0)))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def is_alive(self) -> bool | None:
        """Whether the process runs; None for a process of another host."""
        if self.host != platform.node():
            return None
        if not psutil.pid_exists(self.pid):
            return False
        started = _started(self.pid)
        return not started or not self.started or abs(started - self.started) < _TOLERANCE

    def is_dead(self, *, since: float, silent_for: float | None) -> bool:
        """Whether work that the process began at ``since`` (seconds since 1970) is abandoned.

        A process of another host counts as dead when that was ``silent_for`` seconds ago; None trusts it.
        """
        alive = self.is_alive()
        return not alive if alive is not None else silent_for is not None and time.time() - since >= silent_for


def _started(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
