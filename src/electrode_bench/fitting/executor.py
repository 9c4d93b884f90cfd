"""Where independent calls run: processes of this machine here, tasks of a Ray cluster in ``fitting.ray``.

Both take the calls one by one, as workers become free, so that a call may depend on earlier results.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from electrode_bench.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

#: Environment variables that begin like this are settings of the program: a call sees those of the calling process.
SETTINGS = "ELECTRODE_BENCH_"

#: A worker that starts one thread for each core would make every other worker wait.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)

#: Seconds after which an idle process ends.
_IDLE = 300


class WorkerLost(UserError):
    """A worker died during a call. The running calls are lost, and which of them killed it is unknown."""


class Executor(Protocol):
    """Runs one function on many arguments."""

    @property
    def n_workers(self) -> int:
        """How many calls run at the same time."""
        ...

    @property
    def shares_files(self) -> bool:
        """Whether calls see this machine's files."""
        ...

    @property
    def n_hosts(self) -> int:
        """On how many machines calls run."""
        ...

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        """Yield one result for each call, in the order in which they finish.

        ``calls`` is read as workers become free and results are taken, never more than ``n_workers`` ahead of the
        results. An argument that is the same object in every call is sent only once where the backend allows it. An
        exception in a call is raised here unchanged. It ends the running calls, as closing the generator does.
        """
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine. With one worker, or for a single call, this process does the work itself."""

    n_workers: int = 1
    shares_files: bool = field(default=True, init=False)
    n_hosts: int = field(default=1, init=False)

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        source = iter(calls)
        first = list(islice(source, max(self.n_workers, 1)))
        if len(first) <= 1:
            yield from (function(*call) for call in chain(first, source))
            return
        from concurrent.futures.process import BrokenProcessPool

        from joblib.externals.loky import get_reusable_executor

        # A process that has grown by 300 MB (a network after a forest), or was idle for long, ends and is replaced.
        # loky's thread warns about it. Where warnings are errors, the thread died of that and the calls never ended.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
        # No more processes than there are calls: each has to start Python.
        pool = get_reusable_executor(
            len(first),
            timeout=_IDLE,
            initializer=end_with_parent,
            initargs=(os.getpid(),),
            env=worker_environment(),
        )

        def submit(call: tuple[Any, ...]) -> Future[T]:
            future: Future[T] = pool.submit(function, *call)
            return future

        running: set[Future[T]] = set()
        try:
            for future in as_they_finish(chain(first, source), len(first), running, submit, _first_finished):
                yield future.result()
        except BrokenProcessPool:
            raise WorkerLost("a worker process was killed, perhaps because memory ran out") from None
        finally:
            if running:
                # loky's thread fails on a call that it has not begun to hand over; it begins at once.
                while not all(future.running() or future.done() for future in running):
                    time.sleep(0.001)
                pool.shutdown(wait=True, kill_workers=True)


#: This process.
IN_PROCESS = Local()


def worker_environment() -> dict[str, str]:
    """Environment variables of a worker: one thread, and the settings of this process."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
    return {**_ONE_THREAD, **settings}


def as_they_finish(
    calls: Iterable[tuple[Any, ...]],
    n_workers: int,
    running: set[R],
    submit: Callable[[tuple[Any, ...]], R],
    first_finished: Callable[[set[R]], R],
) -> Iterator[R]:
    """Submit calls as workers become free, and yield what ``submit`` returned for each call that has finished.

    Parameters
    ----------
    running : is kept up to date, so that the caller knows what to end when it stops early.
    first_finished : waits until one of the running calls has finished, and returns it.
    """
    for call in calls:
        running.add(submit(call))
        if len(running) >= n_workers:
            finished = first_finished(running)
            running.discard(finished)
            yield finished
    while running:
        finished = first_finished(running)
        running.discard(finished)
        yield finished


def _first_finished(running: set[Future[T]]) -> Future[T]:
    return next(iter(wait(running, return_when=FIRST_COMPLETED).done))


def end_with_parent(parent: int) -> None:
    """End this worker soon after its parent was killed: otherwise it keeps its memory, and a GPU's, until it is idle.

    A parent that was killed while the worker was starting is noticed too, because the worker is told which process it
    was: by then, the worker has another parent.

    The workers of published packages (``models/published/worker.py``) do this in another way: they run in another
    environment, where this module cannot be imported, and their parent's end closes the pipe that they read from. A
    worker of loky has no such pipe.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()
