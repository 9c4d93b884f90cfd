from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from electrode_bench.app.jobs import Busy, Job, Jobs, Progress
from electrode_bench.errors import UserError


@pytest.fixture
def jobs() -> Iterator[Jobs[str]]:
    made: Jobs[str] = Jobs(most_waiting=2, most_kept=2)
    yield made
    made.close()


def _wait(jobs: Jobs[str]) -> None:
    """Until all jobs so far are done: there is one thread."""
    jobs.call(lambda: None).result(timeout=30)


def test_a_job_has_progress_and_a_result(jobs: Jobs[str]) -> None:
    def work(progress: Progress) -> str:
        progress(3, 7)
        return "made"

    job = jobs.add(work)
    _wait(jobs)
    assert (job.state, job.done, job.total, job.result, job.error) == ("done", 3, 7, "made", None)
    assert jobs.find(job.id) is job
    assert jobs.find("unknown") is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("no\n formula"), "no formula"),
        (ValueError("broken"), "ValueError: broken (a bug in electrode-bench)"),
    ],
)
def test_a_job_that_fails_says_so_in_one_line(jobs: Jobs[str], error: Exception, said: str) -> None:
    def work(_: Progress) -> str:
        raise error

    job = jobs.add(work)
    _wait(jobs)
    assert (job.state, job.error) == ("failed", said)


def _blocked(jobs: Jobs[str]) -> tuple[Job[str], Callable[[], None]]:
    """A job that runs until the function is called."""
    go, running = threading.Event(), threading.Event()

    def work(progress: Progress) -> str:
        running.set()
        assert go.wait(30)
        progress(1, 2)
        return "made"

    job = jobs.add(work)
    assert running.wait(30)
    return job, go.set


def test_a_cancelled_job_ends_at_its_next_progress(jobs: Jobs[str]) -> None:
    job, go = _blocked(jobs)
    jobs.cancel(job.id)
    go()
    _wait(jobs)
    assert (job.state, job.error, job.result) == ("failed", "cancelled", None)


def test_too_many_jobs_are_refused(jobs: Jobs[str]) -> None:
    _, go = _blocked(jobs)
    for _ in range(2):
        jobs.add(lambda _: "made")
    with pytest.raises(Busy, match="3 requests wait already"):
        jobs.add(lambda _: "made")
    go()
    _wait(jobs)
    assert jobs.add(lambda _: "made").state in ("waiting", "running", "done")


def test_the_oldest_results_are_forgotten(jobs: Jobs[str]) -> None:
    made = []
    for _ in range(4):
        made.append(jobs.add(lambda _: "made"))
        _wait(jobs)
    assert [jobs.find(job.id) is not None for job in made] == [False, False, True, True]
