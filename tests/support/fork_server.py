"""The process behind ``support.forks``: ``python fork_server.py DESCRIPTOR OWNER``.

It imports the libraries, then forks for each request that comes over the socket. The fork runs the request's command
at the end of this file, as if Python had been started with it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

#: What the forks find imported; nothing of this project.
LIBRARIES = (
    "joblib.externals.loky", "lightgbm", "matplotlib.figure", "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store", "optuna", "pandas", "plotly.graph_objects", "pymatgen.core",
    "rich.progress", "scipy.stats", "sklearn.ensemble", "torch", "typer",
)  # fmt: skip


def serve(listening: socket.socket, owner: int) -> dict[str, Any] | None:
    """Fork for each request; returns the request in a fork, and None once the owner has ended."""
    listening.settimeout(0.5)
    while Path(f"/proc/{owner}").exists():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            connection = None
        if connection is not None and os.fork() == 0:
            listening.close()
            return attend(connection)
        if connection is not None:
            connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return None


def attend(connection: socket.socket) -> dict[str, Any]:
    """Read a request and fork for it; this process tells the id and the exit code, the fork gets the request."""
    connection.settimeout(None)
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    text = b""
    while len(text) < int.from_bytes(size, "big"):
        text += connection.recv(1 << 16)
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
        with suppress(OSError):  # nobody may want to know any more
            connection.sendall(f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    connection.close()
    request: dict[str, Any] = json.loads(text)
    if request["session"]:
        os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 1 << 10)
    # This process's own streams remember what kind of files they had.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        errors = "backslashreplace" if name == "stderr" else None
        stream = open(  # noqa: SIM115
            number,
            "w" if number else "r",
            1 if name == "stderr" else -1,
            encoding="utf-8",
            errors=errors,
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    return request


def become(command: list[str], path: list[str]) -> None:
    """Run what Python was to run: ``-c CODE``, ``-m MODULE`` or a script."""
    import numpy as np

    np.random.seed()  # noqa: NPY002 (else all forks draw the same numbers)
    own = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    kind, rest = (command[0], command[1:]) if command[0] in ("-c", "-m") else ("script", command)
    first = {"-c": "", "-m": str(Path.cwd())}.get(kind, str(Path(rest[0]).parent))
    sys.path[:] = [*([] if "PYTHONSAFEPATH" in os.environ else [first]), *own, *path]
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = rest
        runpy.run_path(rest[0], run_name="__main__")


def end(error: BaseException | None) -> NoReturn:
    """End as Python does, but without taking thousands of modules apart, which copies the memory that forks share."""
    code: object = 0
    if isinstance(error, SystemExit):
        code = error.code
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    os.chdir("/")
    for name in LIBRARIES:
        importlib.import_module(name)
    # The collector of a fork would write to every object, and so copy the memory.
    gc.collect()
    gc.freeze()
    _PATH = sys.path[1:]
    _request = serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
    if _request is not None:
        try:
            become(_request["command"], _PATH)
        except BaseException as error:
            end(error)
        end(None)
