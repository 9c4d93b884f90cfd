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
        The largest resident memory (MiB) of this process within the block, with its libraries and data, or of a
        subprocess if that is larger. It is None where it is not known: where the system cannot reset an earlier peak
        (other than Linux, and some containers), and where an earlier subprocess was larger than any in the block.
    ``started``, ``host``
        When (ISO 8601, UTC) and where the block began.
    """
    out: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="milliseconds"), "host": platform.node()}
    known, largest = _reset_peak(), _children_peak()
    children = _children_seconds()
    clock, processor = time.perf_counter(), _cpu_seconds()
    yield out
    out["seconds"] = time.perf_counter() - clock
    out["cpu_seconds"] = _cpu_seconds() - processor
    peak = _peak() if known else None
    if peak is not None and _children_seconds() > children and _children_peak() > peak:
        # The system keeps the largest of all subprocesses, which one of an earlier block may have been.
        peak = _children_peak() if _children_peak() > largest else None
    out["peak_rss_mb"] = peak


def _cpu_seconds() -> float:
    # The clock of the process counts nanoseconds, that of its subprocesses hundredths of a second.
    return time.process_time() + _children_seconds()


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _children_peak() -> float:
    """The largest resident memory (MiB) of any subprocess that has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNIT


def _reset_peak() -> bool:
    """Reset the peak of the resident memory; whether the system did it."""
    try:
        # man 5 proc; some containers do not permit it, and other systems have no such file.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak() -> float | None:
    """Peak resident memory (MiB) since it was reset. psutil can neither read nor reset it on Linux."""
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        (line,) = (text for text in status.splitlines() if text.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return None
