"""Importing everything that commands import, so that a fork of this process can run one at once."""

from __future__ import annotations

import importlib
import os
import pkgutil
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress

#: What our modules import only when they are used.
_LAZY = (
    "lightgbm", "matminer", "mlflow.pyfunc", "mlflow.tracking", "numba", "optuna", "openpyxl", "plotly.graph_objects",
    "pyarrow.parquet", "ruamel.yaml", "scipy.stats", "sklearn.ensemble", "sklearn.manifold", "skops.io", "torch",
)  # fmt: skip

#: Scripts that run in an environment of their own.
_ELSEWHERE = ("electrode_bench.models.published", "electrode_bench.__main__")


def everything() -> None:
    """Import it.

    Raises
    ------
    RuntimeError
        When an import started a thread: a fork would not have it.
    """
    # Neither may be asked for by a fork: both start threads or reach for the network.
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", DVC_NO_ANALYTICS="1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import electrode_bench

        for module in pkgutil.walk_packages(electrode_bench.__path__, "electrode_bench."):
            if not module.name.startswith(_ELSEWHERE):
                importlib.import_module(module.name)
        for name in _LAZY:
            importlib.import_module(name)
    _require_one_thread()


def more(names: Iterable[str]) -> None:
    """Import what commands turned out to import, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            # Some are made at run time, and some only work where they were imported.
            with suppress(Exception):
                importlib.import_module(name)
    _require_one_thread()


def _require_one_thread() -> None:
    if threading.active_count() > 1:
        raise RuntimeError(f"an import started a thread: {threading.enumerate()}")
