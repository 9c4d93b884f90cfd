"""Calls in this process, in processes and on Ray: every result once, exceptions as they are, nothing left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support import TESTS, forks
from support import executor_work as work

from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Executor, Local

# One cluster for all tests, where they are distributed over several processes.
pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(params=["in process", "processes", "ray"])
def backend(request: pytest.FixtureRequest) -> Executor:
    if request.param == "ray":
        return request.getfixturevalue("on_ray")
    return Local(1 if request.param == "in process" else 3)


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_every_result_comes_once_and_calls_are_read_as_results_are_taken(backend: Executor, n: int) -> None:
    read, results = [], []

    def calls() -> Iterator[tuple[int]]:
        for number in range(n):
            read.append(number)
            yield (number,)

    for result in backend.run(work.square, calls()):
        # Time for a backend that reads on its own.
        time.sleep(0.05)
        assert len(read) - len(results) <= backend.n_workers
        results.append(result)
    assert sorted(results) == [number * number for number in range(n)]


def test_a_call_may_depend_on_earlier_results(backend: Executor) -> None:
    results: list[int] = []
    calls = ((1 + max(results, default=1),) for _ in range(6))
    results.extend(backend.run(work.square, calls))
    assert max(results) > 4


def test_an_exception_arrives_as_itself(backend: Executor) -> None:
    with pytest.raises(UserError) as caught:
        list(backend.run(work.fail, ((number,) for number in range(9))))
    assert type(caught.value) is UserError
    assert str(caught.value) == "the second is wrong; try another"
    assert sorted(backend.run(work.fail, [(3,), (4,), (5,)])) == [3, 4, 5]


def test_an_exception_of_the_calls_arrives_as_itself(backend: Executor) -> None:
    def calls() -> Iterator[tuple[int]]:
        yield (1,)
        yield (3,)
        raise UserError("no more calls")

    with pytest.raises(UserError, match=r"^no more calls$"):
        list(backend.run(work.square, calls()))


@pytest.mark.parametrize("backend", ["processes", "ray"], indirect=True)
@pytest.mark.parametrize("how", ["closed", "failed"])
def test_running_calls_end_with_the_run(backend: Executor, how: str, tmp_path: Path) -> None:
    calls = [(tmp_path, number) for number in range(3)]
    if how == "closed":
        with closing(backend.run(work.beat, calls)) as run:
            assert next(run) == 0
    else:
        with pytest.raises(UserError, match=r"^ended$"):
            list(backend.run(work.fail_beside_a_beat, calls))
    deadline, last = time.monotonic() + 20, None
    while (now := {p.name: p.read_text() for p in tmp_path.iterdir()}) != last and time.monotonic() < deadline:
        last = now
        time.sleep(0.5)
    # A call that was cancelled while Ray still looked for its worker may begin later: it must not keep the CPUs.
    (tmp_path / "end").touch()
    assert now == last


@pytest.mark.parametrize("backend", ["processes", "ray"], indirect=True)
def test_workers_see_the_settings_of_now_and_run_on_one_thread(
    backend: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device in ("cpu", "cuda:7"):
        monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", device)
        assert set(backend.run(work.seen, [("ELECTRODE_BENCH_DEVICE",)] * 3)) == {device}
    assert set().union(*backend.run(work.threads, [()] * 3)) == {1}


def test_the_backend_leaves_the_callers_own_parallel_work_alone() -> None:
    from joblib import Parallel, parallel_backend
    from joblib.parallel import get_active_backend

    with parallel_backend("threading", n_jobs=2), closing(Local(2).run(work.square, [(1,), (2,), (3,)])) as run:
        next(run)
        assert type(get_active_backend()[0]).__name__ == "ThreadingBackend"
        assert Parallel().n_jobs == 2


def test_workers_end_soon_after_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from support import executor_work as work\n"
        "from pathlib import Path\n"
        "from electrode_bench.fitting.executor import Local\n"
        "list(Local(2).run(work.beat, ((Path(sys.argv[1]), n) for n in (1, 2))))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    parent = forks.Process([sys.executable, "-c", code, str(tmp_path)], env=env)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 2
    parent.kill()
    parent.wait()
    while _beating(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _beating(tmp_path)


def test_a_worker_whose_parent_was_killed_while_it_started_ends_at_once() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    code = "import sys, time; from electrode_bench.fitting.executor import end_with_parent; "
    code += "end_with_parent(int(sys.argv[1])); time.sleep(600)"
    worker = forks.run([sys.executable, "-c", code, str(ended.pid)], timeout=60, check=False)
    assert worker.returncode == 1


def _beating(folder: Path) -> bool:
    """Whether a worker writes within a second."""
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    time.sleep(1)
    return before != {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_worker_that_grew_is_replaced_and_no_call_waits_for_ever() -> None:
    """In a process of its own: where warnings are errors, loky's thread died of its warning."""
    script = (
        "from support import executor_work as work; from electrode_bench.fitting.executor import Local; "
        "print(sorted(Local(2).run(work.grow, ((i,) for i in range(6)))))"
    )
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "[0, 1, 2, 3, 4, 5]\n", done.stderr
