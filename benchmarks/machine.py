"""The machine that a benchmark ran on: a neutral name, its size, and how busy it was."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

#: Words of a processor's name that say nothing.
_EMPTY = r"\((r|tm)\)|@.*$|\b(cpu|processor|\d+-core|with .* graphics)\b"


def describe() -> dict[str, Any]:
    """Processor, number of cores, memory and versions. The name has neither the host nor its user."""
    processor, cores = _processor(), _cores()
    return {
        "name": name(processor, cores),
        "processor": processor,
        "cores": cores,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def name(processor: str, cores: int) -> str:
    """A short name from the processor's model and the number of cores.

    >>> name("AMD EPYC 7763 64-Core Processor", 2)
    'amd-epyc-7763-2-cores'
    >>> name("Intel(R) Xeon(R) CPU @ 2.20GHz", 1)
    'intel-xeon-1-core'
    """
    words = re.sub(_EMPTY, " ", processor.lower())
    return f"{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}-{cores}-core{'s' if cores > 1 else ''}"


def load() -> float:
    """The load average of the last minute: processes that run or wait for a core. NaN where there is none."""
    with suppress(OSError):
        return round(os.getloadavg()[0], 2)
    return float("nan")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
