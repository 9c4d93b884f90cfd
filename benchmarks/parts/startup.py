"""Imports and cold starts: what a command costs before and beside its work, each in a fresh process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import command, electrode_bench
from benchmarks.parts import Options
from benchmarks.projects import new_project, synthetic_snapshot
from electrode_bench.project import Project

#: What is started, by the name in the results. The first one is the yardstick.
_PYTHON = {
    "python": "pass",
    "import numpy, pandas": "import numpy, pandas",
    "import torch": "import torch",
    "import mlflow": "import mlflow",
    "import electrode_bench": "import electrode_bench",
    "import electrode_bench.api": "from electrode_bench import predict",
}


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each command, with its ratio to a Python that does nothing."""
    folder = options.workspace.folder
    project = _project(folder / "startup")
    commands: dict[str, tuple[list[str | Path], Path]] = {
        name: ([sys.executable, "-c", code], folder) for name, code in _PYTHON.items()
    }
    commands |= {
        "--help": (electrode_bench("--help"), folder),
        "predict, pre-trained model": (electrode_bench("predict", "LiFePO4"), folder),
        "predict, own model": (electrode_bench("predict", "LiFePO4"), project.root),
        "show": (electrode_bench("show"), project.root),
    }
    bare = 0.0
    for name, (arguments, where) in commands.items():
        # The first start writes byte code and fits what is not fitted.
        command(arguments, folder=where, runs=1)
        cost = command(arguments, folder=where)
        bare = bare or cost.cpu_seconds
        yield {"command": name, **cost.as_dict(), "ratio": cost.cpu_seconds / bare}


def _project(folder: Path) -> Project:
    """A small project that has been compared, with models that are fitted in seconds."""
    models = ["control", "boosting"]
    split = {"protocols": ["grouped"]}
    project = new_project(
        folder, synthetic_snapshot(160, folder.with_suffix(".csv")), {"fit": {"models": models}, "split": split}
    )
    from benchmarks.parts import stages

    for _ in stages.until_split(project, runs=1):
        pass
    for arguments in (*(("fit", model, "--no-publish") for model in models), ("compare",)):
        command(electrode_bench(*arguments), folder=project.root, runs=1)
    return project
