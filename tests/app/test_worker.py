"""A process that answers, and is ended when it takes too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import answers, forks

from electrode_bench.app.jobs import Busy
from electrode_bench.app.worker import TooSlow, Worker
from electrode_bench.errors import UserError


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker[answers.Answer]]:
    made: Worker[answers.Answer] = Worker(answers.start, seconds=0.5, waiting=0)
    yield made
    made.close()


def test_a_process_that_takes_too_long_or_ends_is_started_again(worker: Worker[answers.Answer]) -> None:
    assert worker.ask(b"a", "text").body == "text: a"
    before = worker._process.pid
    with pytest.raises(TooSlow, match=r"the answer took longer than 0\.5 s; send fewer rows"):
        worker.ask(b"slow", "text")
    assert worker.ask(b"b", "text").body == "text: b"
    with pytest.raises(UserError, match="the process that worked on the request ended"):
        worker.ask(b"die", "text")
    assert worker.ask(b"c", "text").body == "text: c"
    assert before is not None
    assert not psutil.pid_exists(before)


def test_questions_beyond_those_that_may_wait_are_refused(worker: Worker[answers.Answer]) -> None:
    worker.ask(b"a", "text")

    def slow() -> None:
        with pytest.raises(TooSlow):
            worker.ask(b"slow", "text")

    thread = threading.Thread(target=slow)
    thread.start()
    while not worker._one.locked():
        time.sleep(0.01)
    with pytest.raises(Busy, match="1 requests wait already; try again"):
        worker.ask(b"a", "text")
    thread.join()


def test_what_cannot_start_says_why() -> None:
    worker: Worker[answers.Answer] = Worker(answers.fail, seconds=1, waiting=0)
    with pytest.raises(UserError, match="the model cannot be loaded: the model has no voltage"):
        worker.ready()
    worker.close()


SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from support import answers
from electrode_bench.app.worker import Worker
if __name__ == "__main__":
    worker = Worker(answers.start, seconds=60, waiting=0)
    worker.ready()
    print(worker._process.pid, flush=True)
    worker.ask(b"slow", "text")
"""


def test_no_process_is_left_when_the_server_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    command = [sys.executable, str(script), str(Path(__file__).parents[1])]
    server = forks.Process(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout as out:
        pid = int(out.readline())
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is left")
