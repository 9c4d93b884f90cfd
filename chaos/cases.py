"""What a kind of fault is, what comes of a case, and how many cases run side by side."""

from __future__ import annotations

import json
import os
import random
import selectors
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from chaos.template import Template


@dataclass(frozen=True)
class World:
    """What every case has: the seed, the tiny project and a folder for its own files."""

    seed: int
    template: Template
    folder: Path

    def random(self, kind: str, case: int) -> random.Random:
        """The random numbers of one case: the same whatever ran before it."""
        return random.Random(f"{self.seed}:{kind}:{case}")

    @contextmanager
    def project(self, *, links: bool = True) -> Iterator[Path]:
        """A copy of the tiny project for the time of a case."""
        folder = Path(tempfile.mkdtemp(prefix="case-", dir=self.folder))
        try:
            yield self.template.copy(folder / "project", links=links)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    kind: str
    case: int
    what: str
    """The fault, in words."""
    problems: tuple[str, ...] = ()
    """What should not have happened; empty when the fault was survived."""
    injected: bool = True
    """False where the command ended before the fault, or the machine has no such fault."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Parameters
    ----------
    run : makes the cases with these numbers, one outcome each.
    short, long : how many cases the two versions have.
    batch : cases that are made in one call.
    is_input : whether a case is an input that is read rather than a fault that is injected.
    """

    name: str
    title: str
    run: Callable[[World, Sequence[int]], Iterator[Outcome]]
    short: int
    long: int
    batch: int = 1
    is_input: bool = False


def run_all(world: World, tasks: Sequence[tuple[Kind, Sequence[int]]], *, jobs: int) -> Iterator[Outcome]:
    """The outcomes of all tasks, as they come, from ``jobs`` processes that each take the next task."""
    waiting = list(reversed(tasks))
    selector = selectors.DefaultSelector()
    running = 0
    try:
        while waiting or running:
            while waiting and running < jobs:
                kind, cases = waiting.pop()
                reading, writing = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.close(reading)
                    _work(world, kind, cases, writing)
                os.close(writing)
                selector.register(os.fdopen(reading, "rb"), selectors.EVENT_READ, (pid, kind, list(cases)))
                running += 1
            for key, _ in selector.select():
                pid, kind, missing = key.data
                line = key.fileobj.readline()  # type: ignore[union-attr]
                if line:
                    value = json.loads(line)
                    outcome = Outcome(**{**value, "problems": tuple(value["problems"])})
                    missing.remove(outcome.case)
                    yield outcome
                    continue
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
                os.waitpid(pid, 0)
                running -= 1
                for case in missing:
                    yield Outcome(kind.name, case, "unknown", ("the harness itself failed in this case",))
    finally:
        for key in list(selector.get_map().values()):
            os.kill(key.data[0], signal.SIGKILL)


def _work(world: World, kind: Kind, cases: Iterable[int], writing: int) -> None:
    """Make the cases in this process, a fork, and send their outcomes; it never returns."""
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            for outcome in kind.run(world, list(cases)):
                pipe.write(json.dumps(asdict(outcome)) + "\n")
                pipe.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)
