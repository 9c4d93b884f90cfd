"""A fork behaves like a new Python process in everything that tests look at."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import forks

SEEN = "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['SEEN'], 'electrode_bench' in sys.modules)"


def test_arguments_folder_environment_and_output_are_its_own(tmp_path: Path) -> None:
    done = forks.run(
        [sys.executable, "-c", SEEN, "a b"], env={"SEEN": "yes"}, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"['a b'] {tmp_path} yes False\n", "")


@pytest.mark.parametrize(
    ("code", "expected", "error"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('one line')", 1, "one line\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
        ("import atexit, sys; atexit.register(print, 'at exit', file=sys.stderr)", 0, "at exit\n"),
    ],
)
def test_it_ends_as_python_does(code: str, expected: int, error: str) -> None:
    done, real = (
        run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        for run in (forks.run, subprocess.run)
    )
    assert done.returncode == real.returncode == expected
    assert done.stderr.endswith(error)
    assert real.stderr.endswith(error)


def test_modules_and_scripts_find_what_is_beside_them(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("print('found')\n")
    (tmp_path / "script.py").write_text("import beside\n")
    for command, cwd in ((["-m", "beside"], tmp_path), ([str(tmp_path / "script.py")], Path("/"))):
        done = forks.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=True)
        assert done.stdout == "found\n"


def test_a_running_one_can_be_asked_told_and_ended() -> None:
    # A stream knows whether it can seek; a pipe cannot.
    code = (
        "import sys, time; sys.stdout.reconfigure(errors='ignore'); print(input() + '!', flush=True); time.sleep(600)"
    )
    with forks.Process(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "hello!\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM
