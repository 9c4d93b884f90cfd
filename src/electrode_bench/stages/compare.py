"""compare: the predictions of all cells -> scores, the study's table, curves and breakdowns."""

from __future__ import annotations

import shutil

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.artifacts import read_json, read_table, write_csv, write_json
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation import scores as compare
from electrode_bench.project import Layout


def run(layout: Layout, *, seed: int) -> compare.Comparison:
    """Write ``results/compare`` from every cell found under ``results/fit``."""
    folds = splits.read_folds(layout.folds)
    comparison = compare.compare(
        cells(layout),
        folds=folds,
        digests=splits.digests(fold for of in folds.values() for fold in of),
        table=read_table(layout.table, made_by="prepare"),
        clusters=read_table(layout.map, made_by="map").set_index(ID)["cluster"],
        seed=seed,
    )
    write_csv(comparison.scores, layout.scores)
    write_csv(comparison.headline, layout.compare / "table.csv")
    write_csv(comparison.learning_curve, layout.compare / "learning_curve.csv")
    for target in TARGETS:
        curve = compare.curve_columns(comparison.learning_curve, target=target)
        write_csv(curve, layout.compare / "learning_curve" / f"{target}.csv")
    write_csv(comparison.by_ion, layout.compare / "by_ion.csv")
    write_csv(comparison.by_cluster, layout.compare / "by_cluster.csv")
    write_csv(comparison.pairs, layout.compare / "pairs.csv")
    write_csv(comparison.ranking, layout.compare / "ranking.csv")
    write_csv(comparison.leakage, layout.compare / "leakage.csv")
    write_csv(comparison.penalties, layout.compare / "penalties.csv")
    write_csv(comparison.penalty_against_distance, layout.compare / "penalty_against_distance.csv")
    write_csv(comparison.power_laws, layout.compare / "power_laws.csv")
    # A file a cell: `dvc metrics show` prints a row a file. Those of a model that is gone must not stay.
    shutil.rmtree(layout.compare / "metrics", ignore_errors=True)
    for (protocol, model), values in comparison.metrics.items():
        write_json(values, layout.compare / "metrics" / protocol / f"{model}.json")
    return comparison


def cells(layout: Layout) -> list[compare.CellResult]:
    """Every cell under ``results/fit``, by model and protocol."""
    found = sorted(layout.results.glob("fit/*/*/cell.json"))
    return [cell(layout, model=path.parent.parent.name, protocol=path.parent.name) for path in found]


def cell(layout: Layout, *, model: str, protocol: str) -> compare.CellResult:
    """One fitted cell from its files."""
    stage = f"fit@{model}-{protocol}"
    predictions: pd.DataFrame = read_table(layout.predictions(model, protocol), made_by=stage)
    return compare.CellResult(predictions, read_json(layout.cell(model, protocol), made_by=stage))
