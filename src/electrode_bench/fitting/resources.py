"""What a piece of work takes: wall-clock and processor seconds, and peak memory, its subprocesses included."""

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
    """A dictionary that holds, when the block has ended, what the block took in this process.

    ``seconds`` of wall clock; ``cpu_seconds`` of this process and of the subprocesses that ended in the block;
    ``peak_rss_mb``, the largest resident memory in MiB of this process within the block, or of a subprocess
    of this process if that is larger; ``started`` (ISO 8601, UTC) and ``host``. Where the system cannot
    forget an earlier peak (other than Linux), the process's peak until now stands in for the block's.
    """
    out: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="milliseconds"), "host": platform.node()}
    _forget_peak()
    clock, processor = time.perf_counter(), _cpu_seconds()
    yield out
    out["seconds"] = time.perf_counter() - clock
    out["cpu_seconds"] = _cpu_seconds() - processor
    out["peak_rss_mb"] = max(_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNIT)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _forget_peak() -> None:
    # 5 resets the high-water mark of the resident memory (man 5 proc); not permitted in some containers.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    """MiB."""
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        (line,) = (text for text in status.splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNIT
