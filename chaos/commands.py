"""Running a command of ``electrode-bench`` in a fork of this process, which has imported everything already.

Starting Python with our imports takes seconds; a fork takes milliseconds. The command still runs in a process of its
own, in a session of its own, so that it can be killed, limited and searched for processes that it left behind.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: A command that takes longer than this hangs (seconds). The commands of the tiny project take one to ten, and longer
#: where others keep the machine busy.
HANG = 180.0

#: Memory (bytes) that no command on the tiny project may need.
MEMORY = 2 << 30

#: Workers look every second whether their parent is still there; they may be busy in a call for a little longer.
ORPHANS_END = 6.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    argv: tuple[str, ...]
    code: int
    """Exit code; negative: the signal that ended it."""
    out: str
    err: str
    seconds: float
    memory: int
    """Most memory in bytes."""
    hung: bool = False
    left: tuple[str, ...] = ()
    """Processes that were still there after the command had ended."""
    events: int = 0
    """File events within the project that a counting command saw."""
    fits: int = 0
    """Folds that a counting command fitted."""
    modules: tuple[str, ...] = ()
    """Modules that a counting command imported and this process has not."""

    @property
    def said(self) -> str:
        return f"{self.out}\n{self.err}"


@dataclass(frozen=True)
class Trap:
    """When a signal is sent: at a moment, or at a file event (an open, a rename, a removal ...) within the project."""

    signal: int
    after: float | None = None
    at_event: int | None = None


@dataclass
class Running:
    """A command that was started."""

    argv: tuple[str, ...]
    pid: int
    scratch: Path
    started: float
    trap: Trap | None
    sent: bool = field(default=False)


def start(
    project: Path,
    argv: Sequence[str],
    *,
    trap: Trap | None = None,
    count: bool = False,
    inside: Callable[[], None] | None = None,
) -> Running:
    """Start ``electrode-bench argv`` (or ``dvc argv[1:]`` where the first word is dvc) in a project.

    Parameters
    ----------
    count : count the file events within the project.
    inside : called in the new process before the command, for limits and the like.
    """
    scratch = Path(tempfile.mkdtemp(prefix="chaos-run-"))
    scratch.chmod(0o777)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become(project, tuple(argv), scratch, trap, count=count, inside=inside)
    return Running(tuple(argv), pid, scratch, time.monotonic(), trap)


def finish(running: Running) -> Ended:
    """Wait until a command has ended, sending it its signal at its moment, and see what it left behind."""
    hung, trap = False, running.trap
    while True:
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if pid:
            break
        passed = time.monotonic() - running.started
        if trap and trap.after is not None and passed >= trap.after and not running.sent:
            running.sent = True
            os.kill(running.pid, trap.signal)
        if passed > HANG:
            hung = True
            _kill_session(running.pid)
        time.sleep(0.002)
    seconds = time.monotonic() - running.started
    left = _left_behind(running.pid)
    out, err = _text(running.scratch / "out"), _text(running.scratch / "err")
    events, fits, *modules = _text(running.scratch / "events").split() or ["0", "0"]
    for file in running.scratch.iterdir():
        file.unlink()
    running.scratch.rmdir()
    code = os.waitstatus_to_exitcode(status)
    return Ended(
        running.argv,
        code,
        out,
        err,
        seconds,
        usage.ru_maxrss * 1024,
        hung,
        left,
        int(events),
        int(fits),
        tuple(modules),
    )


def run(project: Path, argv: Sequence[str], **options: object) -> Ended:
    """Run a command to its end; see :func:`start` and :func:`finish`."""
    return finish(start(project, argv, **options))  # type: ignore[arg-type]


# --- the new process ---


def _become(
    project: Path,
    argv: tuple[str, ...],
    scratch: Path,
    trap: Trap | None,
    *,
    count: bool,
    inside: Callable[[], None] | None,
) -> None:
    """What the forked process does; it never returns."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for name, descriptor in (("out", 1), ("err", 2)):
            file = os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.dup2(file, descriptor)
            os.close(file)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(project)
        # Whatever the command starts finds this environment and this source first.
        os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")
        os.environ["PWD"] = str(project)
        # More than the limit that is checked, so that the machine is safe from what breaks it.
        most = _address_space() + 2 * MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if inside:
            inside()
        had = set(sys.modules)
        counter = _watch(project, trap) if count or (trap and trap.at_event is not None) else None
        code = _main(argv)
        if counter is not None:
            (scratch / "events").write_text(" ".join([*map(str, counter), *sorted(set(sys.modules) - had)]))
    except KeyboardInterrupt:
        # Before or after the command itself.
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def _main(argv: tuple[str, ...]) -> int:
    """Run the command as its console script would; DVC is started anew, as its stages are."""
    if argv[0] == "dvc":
        os.execv(sys.executable, [sys.executable, "-m", *argv])
    sys.argv = ["electrode-bench", *argv]
    from electrode_bench.cli import console, main

    console.err.cache_clear()
    try:
        main()
        code: object = 0
    except SystemExit as exit_:
        code = exit_.code
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    return code if isinstance(code, int) else 0 if code is None else 1


def _watch(project: Path, trap: Trap | None) -> list[int]:
    """Count file events within the project, and send the signal at the chosen one.

    Returns the two counters, of file events and of fitted folds: each begins a folder of its own in the cache.
    """
    counter, inside, me = [0, 0], str(project), os.getpid()
    kinds = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "sqlite3.connect"}

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in kinds or not arguments or os.getpid() != me:
            return
        path = arguments[0]
        text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
        if not text.startswith(inside):
            return
        counter[0] += 1
        counter[1] += event == "os.mkdir" and "/.cache/folds/.part-" in text
        if trap and trap.at_event == counter[0]:
            os.kill(me, trap.signal)

    sys.addaudithook(hook)
    return counter


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


# --- the processes of a session ---


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getsid(pid) == leader and pid != leader:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def _left_behind(leader: int) -> tuple[str, ...]:
    """Processes of the command's session that do not end by themselves within a few seconds; they are killed."""
    deadline = time.monotonic() + ORPHANS_END
    while (processes := _session(leader)) and time.monotonic() < deadline:
        time.sleep(0.05)
    named = []
    for process in processes:
        with suppress(psutil.Error):
            named.append(" ".join(process.cmdline())[:160])
            process.kill()
    return tuple(named)


def _kill_session(leader: int) -> None:
    for process in _session(leader):
        with suppress(psutil.Error):
            process.kill()
    with suppress(ProcessLookupError):
        os.kill(leader, signal.SIGKILL)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
