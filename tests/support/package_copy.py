"""A copy of the package's source that a test may edit, and processes that run it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from support import ROOT, TESTS, forks


@dataclass(frozen=True)
class PackageCopy:
    """The package's source in a folder of its own.

    Parameters
    ----------
    source : folder that holds the package.
    """

    source: Path

    @property
    def package(self) -> Path:
        return self.source / "electrode_bench"

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace ``old``, which must be there exactly once, in a file of the package."""
        path = self.package / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is not in {file} exactly once"
        path.write_text(text.replace(old, new))

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """What a Python process prints that imports this copy; it must succeed."""
        # The folder of a copy comes first, so that it hides the installed package.
        path = os.pathsep.join([str(self.source), str(TESTS)])
        done = forks.run(
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def copy_package(folder: Path) -> PackageCopy:
    """Copy the package's source to ``folder``."""
    shutil.copytree(
        ROOT / "src" / "electrode_bench", folder / "electrode_bench", ignore=shutil.ignore_patterns("__pycache__")
    )
    return PackageCopy(folder)
