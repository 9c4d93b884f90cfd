"""Runs one operation of a published package: ``python worker.py <module beside this file> fit|predict``.

It runs in the reference environment, imports nothing of electrode_bench, and exchanges files in its working folder:

    task.json           {"config": ..., "seed": ...}
    frame.parquet       features, one row for each composition, in a fixed order
    targets.parquet     targets of the same rows (fit)
    state/              the fitted model: JSON and safetensors
    prediction.parquet  "mean <target>", and "std <target>" if the model estimates it (predict)
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import threading
import traceback
from pathlib import Path

import numpy as np
import pandas as pd


def _end_with_parent() -> None:
    """End this process when the other end of stdin closes: a killed command must not leave hours of work running."""

    def wait() -> None:
        # Not sys.stdin: its lock, when held as the interpreter ends, is a fatal error.
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(module: str, operation: str) -> None:
    _end_with_parent()
    task = json.loads(Path("task.json").read_text(encoding="utf-8"))
    random.seed(task["seed"])
    np.random.seed(task["seed"])  # noqa: NPY002 (the packages draw from numpy's global generator)
    package = importlib.import_module(module)
    frame, state = pd.read_parquet("frame.parquet"), Path("state")
    if operation == "fit":
        package.fit(frame, pd.read_parquet("targets.parquet"), task["config"], task["seed"], state)
        return
    prediction = package.predict(frame, task["config"], task["seed"], state)
    assert len(prediction) == len(frame)
    prediction.to_parquet("prediction.parquet")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        traceback.print_exc()
        # The caller shows the last line.
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
