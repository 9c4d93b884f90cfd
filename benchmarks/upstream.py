"""Our CrabNet and MODNet beside the packages that their authors published: error, processor seconds, peak memory.

    make reference                                     # once: the packages' own environment
    dvc repro featurize split                          # table, features and folds of the snapshot in data/
    python benchmarks/upstream.py                      # every model on the first stratified fold
    python benchmarks/upstream.py --fold fold-0 --fold fold-1 --set crabnet_upstream.epochs=40

Every model sees the same rows in a fresh process and one thread, one after the other. A fold that has been fitted
before with the same data, configuration and code is taken from the fold cache with the cost that it had then.
crabnet takes hours for its 300 epochs of three targets; --set cuts it, and the cut is printed with the result.
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

from electrode_bench import models, params, splits
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.folds import Fold
from electrode_bench.fitting import runs as runner
from electrode_bench.project import Layout
from electrode_bench.stages import fit

MODELS = ("control", "rf_magpie", "modnet_upstream", "modnet", "crabnet_upstream", "crabnet")


def measure(layout: Layout, name: str, values: dict[str, Any], folds: list[Fold], *, seed: int) -> list[dict[str, Any]]:
    """Errors and cost of one model on some folds, a row each."""
    spec, config = models.spec(name), models.configure(name, values)
    frame, targets = fit.inputs(layout, spec)
    tasks = runner.plan(spec, config, folds, frame=frame, targets=targets, seed=seed)
    results = runner.run_folds(tasks, frame=frame, targets=targets, cache=layout.cache)
    rows = []
    for fold in folds:
        train, spent = targets.loc[list(fold.train_ids)], runner.cost(layout.cache, tasks[fold.key].key)
        predicted = results[fold.key].predictions.pivot(index=ID, columns="target", values="y_pred")
        truth = targets.loc[predicted.index]
        error = (predicted - truth).abs().mean()
        control = (truth - train.mean()).abs().mean()
        row = {"model": name, "fold": fold.key}
        row |= {f"{t} MAE": error[t] for t in TARGETS} | {f"{t} SMAE": error[t] / control[t] for t in TARGETS}
        rows.append(row | {"cpu_seconds": spent["cpu_seconds"], "peak_rss_mb": spent["peak_rss_mb"]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="one of the registry; may be given again (default: all)")
    parser.add_argument("--protocol", default="stratified")
    parser.add_argument("--fold", action="append", help="name of a fold; may be given again (default: the first)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="MODEL.KEY=VALUE", help="instead of params.yaml's"
    )
    parser.add_argument("--csv", type=Path, help="write the table there as well")
    given = parser.parse_args()

    layout = Layout(Path.cwd())
    values = params.load(layout.params)
    chosen = {name: dict(values.models.get(name, {})) for name in given.model or MODELS}
    for assignment in given.set:
        key, _, value = assignment.partition("=")
        model, _, name = key.partition(".")
        if model in chosen:
            chosen[model][name] = yaml.safe_load(value)
    folds = splits.read_folds(layout.folds)[given.protocol]
    wanted = given.fold or [folds[0].key]
    part = [fold for fold in folds if fold.key in wanted]
    if len(part) != len(set(wanted)):
        parser.error(f"{given.protocol} has the folds {', '.join(f.key for f in folds)}")

    rows = []
    for name, config in chosen.items():
        if reason := models.spec(name).available():
            print(f"{name}: {reason}")
            continue
        # A process of its own: the system remembers the largest memory of all subprocesses that a process had.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            for row in process.submit(measure, layout, name, config, part, seed=values.seed).result():
                rows.append(row)
                print(json.dumps(row), flush=True)
    table = pd.DataFrame(rows)
    for ours, theirs in (("crabnet", "crabnet_upstream"), ("modnet", "modnet_upstream")):
        one, other = (table[table["model"] == m].set_index("fold")["cpu_seconds"] for m in (ours, theirs))
        for fold in one.index.intersection(other.index):
            print(f"{ours}, {fold}: {other[fold] / one[fold]:.1f} times fewer processor seconds than {theirs}")
    for assignment in given.set:
        print(f"cut: {assignment}")
    with pd.option_context("display.width", 200, "display.max_columns", None):
        print(table.round(3).to_string(index=False))
    if given.csv:
        table.round(4).to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
