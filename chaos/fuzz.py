"""Odd input for every reader, in this program's own process: a fork for each batch, with limits of time and memory."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.cases import Kind, Outcome, World
from chaos.commands import MEMORY
from chaos.readers import READERS, Reader
from electrode_bench.errors import UserError

#: Seconds that one input may take.
HANG = 10.0


def run(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Read one odd input per case. After one that hangs or kills the process, a new process takes the rest."""
    left = list(cases)
    while left:
        done = 0
        for outcome in _batch(world, left):
            done += 1
            yield outcome
        left = left[done:]


def _batch(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _read_all(world, cases, writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        pending, at = b"", 0
        while at < len(cases):
            # The first input of a batch also waits for the batch to begin.
            ready, _, _ = select.select([pipe], [], [], HANG + 5)
            more = pipe.read(65536) if ready else b""
            if not more:
                if not ready:
                    os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
                case = cases[at]
                reason = f"no answer within {HANG:.0f} s" if not ready else f"the process ended with {status}"
                yield Outcome("fuzz", case, _chosen(world, case).name, (reason,))
                return
            pending += more
            *lines, pending = pending.split(b"\n")
            for line in lines:
                what, problems = json.loads(line)
                yield Outcome("fuzz", cases[at], what, tuple(problems))
                at += 1
    os.waitpid(pid, 0)


def _chosen(world: World, case: int) -> Reader:
    del world
    return READERS[case % len(READERS)]


def _read_all(world: World, cases: Sequence[int], writing: int) -> None:
    """Read the inputs in this process, a fork; it never returns."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=world.folder))
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        warnings.simplefilter("ignore")
        space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (space + MEMORY + (1 << 30), space + MEMORY + (1 << 30)))
        root = world.template.copy(folder / "project")
        shutil.copytree(root / "adopted-sweeps", root / "sweeps")
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            for case in cases:
                answer = _read(world, case, root)
                pipe.write(json.dumps(answer) + "\n")
                pipe.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
        os._exit(0)


def _read(world: World, case: int, root: Path) -> tuple[str, list[str]]:
    """What was read and what went wrong."""
    rng, reader = world.random("fuzz", case), _chosen(world, case)
    place, content = reader.make(rng, root)
    path = root / place
    original = path.read_bytes() if path.is_file() else None
    good = reader.read(root, path) if reader.must_be_equal else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    keep = os.environ.get("CHAOS_KEEP")
    if keep:
        shutil.copy(path, Path(keep) / f"{case}-{path.name}")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    problems = []
    try:
        value = reader.read(root, path)
        if reader.must_be_equal and value != good:
            problems.append("read without a complaint, but as something else")
    except UserError as error:
        if not str(error).strip():
            problems.append("an empty message")
        elif len(str(error)) > 4000:
            problems.append(f"a message of {len(str(error))} characters: {str(error)[:200]}")
    except RecursionError as error:
        problems.append(f"RecursionError: {error}")
    except Exception as error:
        problems.append(f"{type(error).__name__}: {str(error)[:300]} ({_where(error)})")
    seconds = time.monotonic() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if seconds > HANG:
        problems.append(f"{seconds:.0f} s")
    if grown > MEMORY:
        problems.append(f"{grown >> 20} MB of memory")
    path.unlink(missing_ok=True)
    if original is not None:
        path.write_bytes(original)
    return f"{reader.name} ({place})", problems


def _where(error: BaseException) -> str:
    """The last line of ours in a traceback."""
    trace, found = error.__traceback__, ""
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if "electrode_bench" in file:
            found = f"{file.partition('electrode_bench/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


KIND = Kind("fuzz", "odd input for every reader", run, short=500, long=10_000, batch=50, is_input=True)
