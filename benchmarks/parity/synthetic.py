"""More electrodes than the embedded sample has, from its own generator."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

_GENERATOR = Path(__file__).parents[2] / "sample" / "generate.py"


@functools.cache
def electrodes() -> pd.DataFrame:
    """600 synthetic electrodes in the Battery Explorer's columns, the same each time."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "electrodes.csv"
        command = [sys.executable, str(_GENERATOR), "--rows", "600", "--out", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return pd.read_csv(file)
