"""Our CrabNet and MODNet beside the packages that their authors published: error, processor seconds, peak memory.

    make reference                                     # once: the packages' own environment
    dvc repro featurize split                          # table, features and folds of the snapshot in data/
    python benchmarks/upstream.py                     # every model on the first stratified fold
    python benchmarks/upstream.py --fold fold-0 --fold fold-1 --set crabnet_upstream.epochs=40

Every model gets the same rows, in a fresh process with one thread, one model after the other. A fold that was fitted
before with the same data, configuration and code comes from the fold cache, with the resources that it took then.
crabnet takes hours for its 300 epochs of three targets. --set shortens it; the output lists every such change.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from electrode_bench import models
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation.metrics import control_mae, mae, smae
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.fitting.runs import plan, run_folds
from electrode_bench.models.base import ModelSpec
from electrode_bench.project import Project

MODELS = ("control", "rf_magpie", "modnet_upstream", "modnet", "crabnet_upstream", "crabnet")


def measure(project: Project, module: str, values: dict[str, Any], folds: list[Fold]) -> list[dict[str, Any]]:
    """Errors and resources of one model, one row for each fold."""
    spec = models.from_module(module)
    config = models.configure(spec, values)
    frame, targets = project.training_data(spec.feature_set)
    tasks = plan(spec, config, folds, frame=frame, targets=targets, seed=project.params().seed)
    results = run_folds(tasks, frame=frame, targets=targets, cache=project.paths.cache)
    return [
        {"model": spec.name, "fold": fold.key}
        | _errors(results[fold.key].predictions, fold, targets)
        | _resources(project, tasks[fold.key].key)
        for fold in folds
    ]


def _errors(predictions: pd.DataFrame, fold: Fold, targets: pd.DataFrame) -> dict[str, float]:
    predicted = predictions.pivot(index=ID, columns="target", values="y_pred")
    train, truth = targets.loc[list(fold.train_ids)], targets.loc[predicted.index]
    error = {t: mae(truth[t].to_numpy(), predicted[t].to_numpy()) for t in TARGETS}
    control = {t: control_mae(truth[t].to_numpy(), train[t].to_numpy()) for t in TARGETS}
    return {f"{t} MAE": error[t] for t in TARGETS} | {f"{t} SMAE": smae(error[t], control[t]) for t in TARGETS}


def _resources(project: Project, key: str) -> dict[str, float]:
    resources = fold_resources(project.paths.cache, key)
    return {"cpu_seconds": resources["cpu_seconds"], "peak_rss_mb": resources["peak_rss_mb"]}


def _chosen_folds(project: Project, protocol: str, keys: list[str] | None) -> list[Fold]:
    """The folds with these keys; the first one when none is named."""
    folds = project.protocol_folds(protocol)
    wanted = keys or [folds[0].key]
    chosen = [fold for fold in folds if fold.key in wanted]
    if len(chosen) != len(set(wanted)):
        raise SystemExit(f"{protocol} has the folds {', '.join(fold.key for fold in folds)}")
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="name of a model; can be repeated (default: all)")
    parser.add_argument("--protocol", default="stratified")
    parser.add_argument("--fold", action="append", help="key of a fold; can be repeated (default: the first)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="MODEL.KEY=VALUE", help="replaces a value of params.yaml"
    )
    parser.add_argument("--csv", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()

    project = Project.open()
    params = project.params()
    specs: dict[str, ModelSpec] = {name: models.named(name, params) for name in arguments.model or MODELS}
    configs = {name: dict(params.models.get(name, {})) for name in specs}
    for assignment in arguments.set:
        key, _, value = assignment.partition("=")
        model, _, name = key.partition(".")
        if model in configs:
            configs[model][name] = yaml.safe_load(value)
    folds = _chosen_folds(project, arguments.protocol, arguments.fold)

    rows = []
    for name, spec in specs.items():
        if reason := spec.available():
            print(f"{name}: {reason}")
            continue
        # One process for each model: the system remembers the largest memory of all subprocesses of a process.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            for row in process.submit(measure, project, spec.module, configs[name], folds).result():
                rows.append(row)
                print(json.dumps(row), flush=True)
    table = pd.DataFrame(rows)
    for ours, published in (("crabnet", "crabnet_upstream"), ("modnet", "modnet_upstream")):
        one, other = (table[table["model"] == m].set_index("fold")["cpu_seconds"] for m in (ours, published))
        for fold in one.index.intersection(other.index):
            print(f"{ours}, {fold}: {other[fold] / one[fold]:.1f} times fewer processor seconds than {published}")
    for assignment in arguments.set:
        print(f"changed: {assignment}")
    with pd.option_context("display.width", 200, "display.max_columns", None):
        print(table.round(3).to_string(index=False))
    if arguments.csv:
        table.round(4).to_csv(arguments.csv, index=False)


if __name__ == "__main__":
    main()
