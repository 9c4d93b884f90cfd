"""app."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from support import forks
from support.serving import free_port, wait_for

from electrode_bench.project import Project


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "set a token of at least 12 characters with --token or ELECTRODE_BENCH_TOKEN"),
        (["--token", "short"], "the token has 5 characters; use at least 12"),
        (["--host", "no-such-host.invalid", "--token", "a-long-secret"], "cannot listen on no-such-host.invalid"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_usage_error(
    run, finished: Project, arguments: list[str], said: str
) -> None:
    code, out, err = run("--project", str(finished.root), "app", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_the_app_answers_until_it_is_interrupted(finished: Project, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "electrode_bench", "--project", str(finished.root), "app", "--port", str(port)]
    with log.open("w") as stream:
        server = forks.Process(command, stdout=stream, stderr=stream, env={**os.environ})
    try:
        wait_for(f"http://127.0.0.1:{port}/", server, log)
        for _ in range(600):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/model", timeout=30) as answer:
                if b"ready" in answer.read():
                    break
            time.sleep(0.1)
        assert f"Open http://127.0.0.1:{port}/ in a browser" in log.read_text()
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) in (0, 130)
        assert "Traceback" not in log.read_text()
    finally:
        server.kill()
        server.wait()
