"""What the folds of a run have cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from electrode_bench.core.results import Run
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.project import Project


def run_resources(project: Project, run: Run) -> dict[str, dict[str, Any]]:
    """What the fit of each fold took, by the fold's key; {} for a fold that the fold cache does not have."""
    return {key: fold_resources(project.paths.cache, fold.cache_key) for key, fold in run.folds.items()}


def mean_cpu_seconds(project: Project, run: Run, folds: Iterable[str] | None = None) -> float:
    """Processor seconds per fold of a run; NaN where no fold has them.

    Parameters
    ----------
    folds : keys of the folds that count; None for all of them.
    """
    chosen = set(run.folds if folds is None else folds)
    taken = [one.get("cpu_seconds") for key, one in run_resources(project, run).items() if key in chosen]
    known = [float(seconds) for seconds in taken if seconds is not None]
    return float(np.mean(known)) if known else float("nan")
