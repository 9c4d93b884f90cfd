"""Resource usage of a block of code and its subprocesses: wall-clock and processor time, and peak memory."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: Linux counts in KiB, macOS in bytes.
_UNIT = 2**20 if sys.platform == "darwin" else 1024


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Yield a dictionary that has, after the block, what the block took in this process.

    ``seconds``
        Wall-clock time.
    ``cpu_seconds``
        Processor time of this process and of the subprocesses that ended in the block.
    ``peak_rss_mb``
        The largest resident memory (MiB) of this process within the block, or of a subprocess if that is larger. Where
        the system cannot reset an earlier peak (other than Linux), it is the process's peak until now.
    ``started``, ``host``
        When (ISO 8601, UTC) and where the block began.
    """
    out: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="milliseconds"), "host": platform.node()}
    _reset_peak()
    clock, processor = time.perf_counter(), _cpu_seconds()
    yield out
    out["seconds"] = time.perf_counter() - clock
    out["cpu_seconds"] = _cpu_seconds() - processor
    out["peak_rss_mb"] = max(_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNIT)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _reset_peak() -> None:
    # 5 resets the peak of the resident memory (man 5 proc); some containers do not permit it.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    """Peak resident memory (MiB) since it was reset. psutil can neither read nor reset it on Linux."""
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        (line,) = (text for text in status.splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNIT
