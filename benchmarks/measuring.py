"""What a piece of work costs: wall-clock and processor seconds, and peak memory."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from electrode_bench.fitting.resources import measured

P = ParamSpec("P")
T = TypeVar("T")

#: Short work is done this often, and the median counts.
RUNS = 5
#: Work that takes longer than this, in wall-clock seconds, is done once.
LONG = 15.0
#: Linux counts in KiB, macOS in bytes.
_UNIT = 2**20 if sys.platform == "darwin" else 1024
#: Starts a command and writes what it took. It stands between this process and the command, because Linux counts the
#: memory of the process that starts a program as the program's own.
_LAUNCHER = """
import json, os, sys, time
report, *arguments = sys.argv[1:]
started = time.perf_counter()
child = os.fork()
if not child:
    os.execvp(arguments[0], arguments)
_, status, used = os.wait4(child, 0)
with open(report, "w") as stream:
    json.dump([time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss], stream)
sys.exit(min(1, abs(os.waitstatus_to_exitcode(status))))
"""
#: One thread, so that processor seconds compare the work and not how it was divided.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cost:
    """The median of several runs of the same work.

    Parameters
    ----------
    runs : how often it was done.
    seconds, cpu_seconds : wall-clock and processor time of a run, subprocesses included.
    peak_mb : the largest resident memory (MiB) of one process, of all runs.
    """

    runs: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    def as_dict(self, prefix: str = "") -> dict[str, float]:
        """The fields by name, each with the prefix."""
        return {f"{prefix}{name}": value for name, value in asdict(self).items()}


def total(costs: Sequence[Cost]) -> dict[str, float]:
    """What tasks cost one after the other: the sum of their times, and the largest memory."""
    return {
        "seconds": sum(cost.seconds for cost in costs),
        "cpu_seconds": sum(cost.cpu_seconds for cost in costs),
        "peak_mb": max(cost.peak_mb for cost in costs),
    }


def repeated(task: Callable[[], object], *, runs: int = RUNS, long: float = LONG) -> Cost:
    """What a call costs in this process. A call that takes longer than ``long`` seconds is made once."""
    return _until_long(lambda: _measured(task), runs, long)


def command(
    arguments: Sequence[str | Path],
    *,
    folder: Path,
    runs: int = RUNS,
    long: float = LONG,
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """What a command costs in a process of its own, start-up included. Its output is dropped.

    Raises
    ------
    RuntimeError
        When the command fails; the message is the end of what it wrote to stderr.
    """
    return _until_long(lambda: _run(arguments, folder, environment or {}), runs, long)


def in_fresh_process(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a module's function in a new Python process, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments, **options).result()


def electrode_bench(*arguments: str | Path) -> list[str | Path]:
    """The command line of this environment."""
    return [sys.executable, "-m", "electrode_bench", *arguments]


def _until_long(once: Callable[[], dict[str, Any]], runs: int, long: float) -> Cost:
    done = [once()]
    while len(done) < runs and done[0]["seconds"] <= long:
        done.append(once())
    return _median(done)


def _median(runs: Any) -> Cost:
    every = list(runs)
    middle = {name: statistics.median(one[name] for one in every) for name in ("seconds", "cpu_seconds")}
    return Cost(runs=len(every), peak_mb=max(one["peak_rss_mb"] for one in every), **middle)


def _measured(task: Callable[[], object]) -> dict[str, Any]:
    children = _children_seconds()
    with measured() as cost:
        # measured() counts in hundredths of a second, which is too coarse for short work.
        own = time.process_time()
        task()
        own = time.process_time() - own
    return {**cost, "cpu_seconds": own + _children_seconds() - children}


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(arguments: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, report.name, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, **ONE_THREAD, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.strip()[-2000:]}")
        seconds, used, peak = json.load(report)
    return {"seconds": seconds, "cpu_seconds": used, "peak_rss_mb": peak / _UNIT}
