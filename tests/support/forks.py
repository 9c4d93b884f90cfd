"""Python processes that are forks of one which has imported the libraries: a new Python imports them for seconds.

A process still has an id, an environment, a folder, files and an exit code of its own, and nothing of this project is
imported when it begins. What it does not have is a start: tests of what is imported, of Python's options, and of
variables that libraries read when they are imported (``OMP_NUM_THREADS``) start Python itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

#: The environment variable with the folder of the process that forks, for all workers of pytest-xdist.
FOLDER = "ELECTRODE_BENCH_FORKS"

SERVER = Path(__file__).with_name("fork_server.py")

File = int | IO[Any] | None


class Process:
    """A running fork, with the methods of :class:`subprocess.Popen` that tests use.

    Parameters
    ----------
    command : as for Popen: ``sys.executable`` and ``-c CODE``, ``-m MODULE`` or a script, then the arguments.
    stdin, stdout, stderr : open files, or DEVNULL; None means those of this process. The first two may be PIPE.
    text : whether pipes are of text.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        stdin: File = None,
        stdout: File = None,
        stderr: File = None,
        start_new_session: bool = False,
        text: bool = False,
    ) -> None:
        assert command[0] == sys.executable
        self.args = command
        self.returncode: int | None = None
        self.stdin: IO[Any] | None = None
        self.stdout: IO[Any] | None = None
        request = {
            "command": [str(word) for word in command[1:]],
            "env": dict(os.environ if env is None else env),
            "cwd": str(cwd or Path.cwd()),
            "session": start_new_session,
        }
        with ExitStack() as ours:
            if stdin == subprocess.PIPE:
                end, own = os.pipe()
                stdin, self.stdin = ours.enter_context(open(end, "rb")), open(own, "w" if text else "wb")  # noqa: SIM115
            if stdout == subprocess.PIPE:
                own, end = os.pipe()
                stdout, self.stdout = ours.enter_context(open(end, "wb")), open(own, "r" if text else "rb")  # noqa: SIM115
            null = ours.enter_context(open(os.devnull, "r+b"))
            files = [null if file == subprocess.DEVNULL else file for file in (stdin, stdout, stderr)]
            numbers = [
                number if file is None else file if isinstance(file, int) else file.fileno()
                for number, file in enumerate(files)
            ]
            self._answers = _connected()
            content = json.dumps(request).encode()
            socket.send_fds(self._answers, [len(content).to_bytes(4, "big")], numbers)
            self._answers.sendall(content)
        self.pid = int(self._read())

    def _read(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            part = self._answers.recv(1)
            assert part, "the process that forks has ended"
            line += part
        return line.decode()

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                self.returncode = int(self._read())
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._answers.close()
        return self.returncode

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                pipe.close()
        self.wait()


def run(
    command: Sequence[str],
    *,
    capture_output: bool = False,
    text: bool = False,
    check: bool = False,
    timeout: float | None = None,
    stdout: File = None,
    stderr: File = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """As :func:`subprocess.run`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        files = (out, err) if capture_output else (stdout, stderr)
        process = Process(command, stdout=files[0], stderr=files[1], **options)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seen: list[Any] = [None, None]
        if capture_output:
            for i, file in enumerate((out, err)):
                file.seek(0)
                content = file.read()
                seen[i] = content.decode().replace("\r\n", "\n") if text else content
    done = subprocess.CompletedProcess(command, code, *seen)
    if check:
        if code and seen[1]:
            print(seen[1], file=sys.stderr)
        done.check_returncode()
    return done


def _connected() -> socket.socket:
    """A connection to the process that forks, which the first caller of all workers of pytest-xdist starts."""
    folder = Path(os.environ[FOLDER])
    with FileLock(folder / "lock"):
        if not (folder / "socket").exists():
            _start(folder)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(folder / "socket"))
    return connection


def prepare() -> None:
    """Name the folder; the process that is started there ends with this one."""
    # A socket's path has at most 107 bytes; pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    (folder / "owner").write_text(str(os.getpid()))
    os.environ[FOLDER] = str(folder)


def clean_up() -> None:
    """Remove the folder; the process notices that its owner has ended."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def _start(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with socket.socket(socket.AF_UNIX) as listening, (folder / "log").open("wb") as log:
        listening.bind(str(folder / "socket"))
        listening.listen(64)
        listening.set_inheritable(True)
        # Who connects before it has imported everything waits. Popen would warn that it still runs.
        os.posix_spawn(
            sys.executable,
            [sys.executable, str(SERVER), str(listening.fileno()), (folder / "owner").read_text()],
            environment | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)],
            setsid=True,
        )
