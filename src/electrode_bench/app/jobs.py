"""What is being computed and what was: one thread does the work, and the last results are kept."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from electrode_bench.errors import UserError

Result = TypeVar("Result")

#: Called with (done, in total).
Progress = Callable[[int, int], None]


@dataclass
class Job(Generic[Result]):
    """A piece of work.

    ``state`` is waiting, running, done or failed. ``error`` is one line for people.
    """

    id: str
    state: str = "waiting"
    done: int = 0
    total: int = 0
    result: Result | None = None
    error: str | None = None
    cancelled: bool = field(default=False, repr=False)


class Cancelled(Exception):
    """The job's result is no longer wanted."""


class Busy(UserError):
    """Too many jobs wait."""


class Jobs(Generic[Result]):
    """Jobs in the order in which they come, done by one thread: a model is not made for several at once.

    Parameters
    ----------
    most_waiting : further jobs are refused.
    most_kept : finished jobs that are kept; the oldest are forgotten.
    """

    def __init__(self, *, most_waiting: int, most_kept: int) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="electrode-bench")
        self._jobs: OrderedDict[str, Job[Result]] = OrderedDict()
        self._lock = threading.Lock()
        self._most_waiting, self._most_kept = most_waiting, most_kept

    def add(self, work: Callable[[Progress], Result]) -> Job[Result]:
        """A new job; ``work`` is called with a function that takes its progress.

        Raises
        ------
        Busy
            When too many jobs wait.
        """
        with self._lock:
            unfinished = [job for job in self._jobs.values() if job.state in ("waiting", "running")]
            if len(unfinished) > self._most_waiting:
                raise Busy(f"{len(unfinished)} requests wait already; try again in a minute")
            finished = [job.id for job in self._jobs.values() if job.state in ("done", "failed")]
            for id_ in finished[: max(0, len(finished) - self._most_kept + 1)]:
                del self._jobs[id_]
            job: Job[Result] = Job(secrets.token_urlsafe(12))
            self._jobs[job.id] = job
        self._thread.submit(self._do, job, work)
        return job

    def find(self, id_: str) -> Job[Result] | None:
        """The job with this id; None for one that was forgotten or never was."""
        with self._lock:
            return self._jobs.get(id_)

    def cancel(self, id_: str) -> None:
        """Stop a job at its next progress."""
        if job := self.find(id_):
            job.cancelled = True

    def call(self, work: Callable[[], Any]) -> Future[Any]:
        """Do something short in the same thread."""
        return self._thread.submit(work)

    def close(self) -> None:
        """Finish what runs and forget what waits."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _do(self, job: Job[Result], work: Callable[[Progress], Result]) -> None:
        def progress(done: int, total: int) -> None:
            if job.cancelled:
                raise Cancelled
            job.done, job.total = done, total

        job.state = "running"
        try:
            progress(0, 0)
            job.result = work(progress)
            job.state = "done"
        except Cancelled:
            job.error, job.state = "cancelled", "failed"
        except UserError as error:
            job.error, job.state = " ".join(str(error).split()), "failed"
        except Exception as error:
            job.error = f"{type(error).__name__}: {' '.join(str(error).split())} (a bug in electrode-bench)"
            job.state = "failed"
