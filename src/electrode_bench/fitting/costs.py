"""What the folds of a run have cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.results import Run
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.project import Project
from electrode_bench.splits import headline_keys


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


def fold_costs(project: Project) -> pd.DataFrame:
    """What a fold of each run took, as it was measured when the fold was fitted.

    These are measured quantities: they differ from fit to fit, and are never part of a digest or of a stage's outputs.
    They are read from the fold cache. A project whose cache is gone, or whose results come from elsewhere, has none.

    Returns
    -------
    DataFrame with a row for each run that has costs: model, protocol, ``cpu_seconds`` (of the process that fitted the
    fold and its subprocesses), ``peak_rss_mb`` (MiB; NaN where it is not known), both the median over the headline
    folds that have them, ``folds`` (how many have) and ``device``. An ensemble costs what its members cost together:
    the sum of their seconds and the largest memory.
    """
    rows = []
    for (model, protocol), folds in project.fitted_folds().items():
        chosen = headline_keys(protocol, {key: fold.n_train for key, fold in folds.items()})
        taken = [fold_resources(project.paths.cache, folds[key].cache_key) for key in chosen]
        seconds, memory = (
            [float(one[name]) for one in taken if one.get(name) is not None] for name in ("cpu_seconds", "peak_rss_mb")
        )
        if seconds:
            device = ", ".join(sorted({str(one["device"]) for one in taken if "device" in one}))
            peak = float(np.median(memory)) if memory else np.nan
            rows.append((model, protocol, float(np.median(seconds)), peak, len(seconds), device))
    return pd.DataFrame(rows, columns=["model", "protocol", "cpu_seconds", "peak_rss_mb", "folds", "device"])
