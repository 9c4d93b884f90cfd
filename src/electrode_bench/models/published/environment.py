"""The reference environment: the published packages with the library versions that they need.

``make reference`` builds it. The packages need versions that this package cannot work with
(docs/decisions/0009-upstream-as-subprocess.md).
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

#: Environment variable that names the folder; without it, :data:`FOLDER` in the current folder.
VARIABLE = "ELECTRODE_BENCH_REFERENCE"
FOLDER = ".venv-reference"


class WorkerFailed(Exception):
    """A script failed. The message is the last line that it wrote to stderr; ``output`` is all of it."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def folder() -> Path:
    """The folder of the reference environment, whether or not it exists."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def version(library: str) -> str | None:
    """The version of a distribution in the reference environment; None when it is missing."""
    places = [str(path) for path in sorted(folder().glob("lib/python3*/site-packages"))]
    return next((d.version for d in importlib.metadata.distributions(name=library, path=places)), None)


def missing(libraries: Sequence[str]) -> str | None:
    """What is missing of the environment and the libraries, and how to get it; None when nothing is.

    The environment is not started.
    """
    if not _python().exists():
        return f"{folder()} is missing; build it with: make reference"
    absent = [name for name in libraries if version(name) is None]
    return f"{folder()} lacks {', '.join(absent)}; build it again with: make reference" if absent else None


def run(arguments: Sequence[str], *, within: Path) -> None:
    """Run a Python script of the environment in the folder ``within``.

    It gets one thread, no GPU, and no variable of the caller's shell that could change a number or make it write
    elsewhere. It ends when this process ends.

    Raises
    ------
    WorkerFailed
        When the script ends with an error.
    """
    home = within / "home"
    home.mkdir(exist_ok=True)
    with (within / "stderr.txt").open("w+b") as errors:
        # stdin stays open while this process lives: the script ends when it closes.
        with subprocess.Popen(
            [str(_python()), *arguments],
            cwd=within,
            env=_variables(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        ) as process:
            try:
                code = process.wait()
            except BaseException:
                process.kill()
                raise
        if code == 0:
            return
        errors.seek(0)
        output = errors.read().decode(errors="replace").strip()
    last = output.splitlines()[-1].strip() if output else f"it ended with code {code} and no output"
    raise WorkerFailed(last, output)


def _python() -> Path:
    # Absolute, but links are not followed: the python of a virtual environment is a link.
    return (folder() / "bin" / "python").absolute()


def _variables(home: Path) -> dict[str, str]:
    threads = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")
    return {
        "PATH": os.pathsep.join([str(_python().parent), os.environ.get("PATH", os.defpath)]),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "MPLCONFIGDIR": str(home),
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        # MODNet iterates over a set of target names.
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }
