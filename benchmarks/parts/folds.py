"""One fold of each model, and of the published packages: error, seconds and peak memory.

Every model is fitted anew in a fresh process with one thread, on the same rows: the first stratified fold. The packages
need ``make reference``. The published CrabNet takes hours for its 300 epochs; it is run for fewer, and its cost is
extrapolated linearly. Its own early stopping may end it before the last epoch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import in_fresh_process
from benchmarks.parts import Options
from electrode_bench import models
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation.metrics import control_mae, mae, smae
from electrode_bench.fitting.resources import measured
from electrode_bench.fitting.runs import plan, run_folds
from electrode_bench.models.base import ModelSpec
from electrode_bench.project import Project

PROTOCOL = "stratified"
#: Ours, cheapest first; an ensemble costs what its members cost.
OURS = ("control", "faraday", "rf_magpie", "boosting", "modnet", "modnet_physics", "crabnet", "crabnet_physics")
#: Each published package, and our model of the same kind.
PAIRS = {"modnet_upstream": "modnet", "crabnet_upstream": "crabnet"}
#: Epochs of the published CrabNet by default.
EPOCHS = 300
#: Rows and epochs of a fit that takes hardly more than loading the package.
_SMALLEST = (60, 2)


def run_ours(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each of our models."""
    project = options.workspace.project
    for name in ("control", "boosting", "crabnet") if options.quick else OURS:
        yield in_fresh_process(fold_of, project, name, _quick(name, options))


def run_reference(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each package and one for our model of its kind, fitted one after the other."""
    project = options.workspace.project
    for published, ours in PAIRS.items():
        reason = models.spec(published).available()
        if reason:
            yield {"model": published, "missing": reason}
            continue
        values = _quick(published, options)
        if published == "crabnet_upstream" and not options.quick:
            values = _crabnet_epochs(options.epochs)
        row = in_fresh_process(fold_of, project, published, values)
        if published == "crabnet_upstream":
            fixed = in_fresh_process(fold_of, project, published, _crabnet_epochs(_SMALLEST[1]), rows=_SMALLEST[0])
            row |= extrapolated(row, fixed, to=EPOCHS)
        yield row
        yield in_fresh_process(fold_of, project, ours, _quick(ours, options))


def fold_of(project: Project, name: str, changes: Mapping[str, Any], *, rows: int | None = None) -> dict[str, Any]:
    """Fit a model on the first fold; its errors, and what it took.

    Parameters
    ----------
    changes : values of the configuration that differ from params.yaml.
    rows : fit on the first rows of the training set only.
    """
    params = project.params()
    spec = models.named(name, params)
    config = models.configure(spec, {**params.models.get(name, {}), **changes})
    fold = project.protocol_folds(PROTOCOL)[0]
    if rows is not None:
        fold = Fold(fold.protocol, fold.key, fold.train_ids[:rows], fold.test_ids)
    frame, targets = project.training_data(models.feature_set_of(spec, config))
    tasks = plan(spec, config, [fold], frame=frame, targets=targets, seed=params.seed)
    _load(spec)
    with tempfile.TemporaryDirectory() as cache, measured() as cost:
        results = run_folds(tasks, frame=frame, targets=targets, cache=Path(cache))
    return {
        "model": name,
        "training_rows": len(fold.train_ids),
        "test_rows": len(fold.test_ids),
        "epochs": getattr(config, "epochs", None),
        **{key: cost[key] for key in ("seconds", "cpu_seconds")},
        "peak_mb": cost["peak_rss_mb"],
        **_errors(results[fold.key].predictions, fold, targets),
    }


def extrapolated(row: Mapping[str, Any], fixed: Mapping[str, Any], *, to: int) -> dict[str, Any]:
    """The seconds of a fit with ``to`` epochs: what does not depend on them, and the same for each epoch.

    >>> extrapolated(
    ...     {"epochs": 10, "seconds": 25.0, "cpu_seconds": 22.0}, {"seconds": 5.0, "cpu_seconds": 2.0}, to=100
    ... )
    {'extrapolated_to': 100, 'extrapolated_seconds': 205.0, 'extrapolated_cpu_seconds': 202.0}
    """
    out: dict[str, Any] = {"extrapolated_to": to}
    for key in ("seconds", "cpu_seconds"):
        start = min(fixed[key], row[key])
        out[f"extrapolated_{key}"] = start + (row[key] - start) * to / row["epochs"]
    return out


def _crabnet_epochs(epochs: int) -> dict[str, Any]:
    # The package rounds up to a multiple of two steps.
    return {"epochs": epochs, "epochs_step": 10 if epochs % 20 == 0 else 1}


def _quick(name: str, options: Options) -> Mapping[str, Any]:
    return models.spec(name).quick if options.quick else {}


def _load(spec: ModelSpec) -> None:
    """Import what the model imports when it is first fitted: a study imports it once for all folds."""
    if "torch" in spec.versions() and not spec.reference:
        import electrode_bench.models.neural.training  # noqa: F401


def _errors(predictions: pd.DataFrame, fold: Fold, targets: pd.DataFrame) -> dict[str, float]:
    predicted = predictions.pivot(index=ID, columns="target", values="y_pred")
    train, truth = targets.loc[list(fold.train_ids)], targets.loc[predicted.index]
    arrays = {t: (truth[t].to_numpy(), predicted[t].to_numpy(), train[t].to_numpy()) for t in TARGETS}
    error = {t: mae(true, guess) for t, (true, guess, _) in arrays.items()}
    scaled = {t: smae(error[t], control_mae(true, known)) for t, (true, _, known) in arrays.items()}
    return {
        **{f"{t}/mae": error[t] for t in TARGETS},
        **{f"{t}/smae": scaled[t] for t in TARGETS},
        "smae": float(np.mean(list(scaled.values()))),
    }
