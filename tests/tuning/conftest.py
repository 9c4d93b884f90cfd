"""What tests of studies share."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def dead_process() -> int:
    """The id of a process that has ended."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(ended.stdout)
