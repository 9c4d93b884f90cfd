"""One operation of an upstream package: ``python worker.py <module beside this file> fit|predict``.

It runs in the reference environment, in a folder of its own (the working directory), and talks by files:

    task.json           {"config": ..., "seed": ...}
    frame.parquet       features, a row a composition, in a fixed order
    targets.parquet     targets, the same rows (fit)
    state/              what a fit leaves for predictions: JSON and safetensors
    prediction.parquet  "mean <target>", and "std <target>" where the model has a spread (predict)
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
    """Stop when the other end of stdin is gone: a killed run must not leave hours of work behind."""

    def wait() -> None:
        # Not sys.stdin: its lock, held at the interpreter's end, is a fatal error.
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(module: str, operation: str) -> None:
    _end_with_parent()
    task = json.loads(Path("task.json").read_text(encoding="utf-8"))
    random.seed(task["seed"])
    np.random.seed(task["seed"])  # noqa: NPY002 (upstream draws from numpy's global generator)
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
