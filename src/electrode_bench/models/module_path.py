"""Where the modules of models from outside this package are looked for: in the project's folder, after all libraries.

The folder travels in an environment variable, because fits also run in other processes: those of this machine inherit
it, and a Ray cluster's workers get every variable that begins with ELECTRODE_BENCH_.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Environment variable that names the folder.
VARIABLE = "ELECTRODE_BENCH_MODULES"


def use_project_modules(folder: Path) -> None:
    """Let this process and its workers import Python modules from a project's folder.

    The folder comes last on the import path, so that a file in it cannot hide an installed library. A process uses the
    modules of one project: a module that was imported from another one keeps its content.
    """
    os.environ[VARIABLE] = str(folder.resolve())
    extend_module_path()


def extend_module_path() -> None:
    """Append the folder that the environment names to this process's import path."""
    folder = os.environ.get(VARIABLE)
    if folder and folder not in sys.path:
        sys.path.append(folder)
