"""compare: the predictions of all runs -> scores, the study's table, curves and breakdowns."""

from __future__ import annotations

import shutil

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.artifacts import write_csv, write_json
from electrode_bench.core.digests import digest_files
from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import COMPARISON_TABLES, CONTROL
from electrode_bench.evaluation import scores
from electrode_bench.params import DEFAULT_INTERVALS, Intervals
from electrode_bench.project import Project


def run(project: Project, *, seed: int, intervals: Intervals = DEFAULT_INTERVALS) -> scores.Comparison:
    """Write ``results/compare`` from every run under ``results/fit``."""
    runs = project.runs()
    comparison = scores.compare(
        runs,
        folds=project.folds(),
        table=project.table(),
        clusters=project.clusters(),
        seed=seed,
        intervals=intervals,
    )
    folder = project.paths.compare
    for name in COMPARISON_TABLES:
        write_csv(comparison.tables[name], project.paths.comparison(name))
    # Files of a removed model must not stay.
    shutil.rmtree(folder / "metrics", ignore_errors=True)
    for (protocol, model), values in comparison.metrics.items():
        write_json(values, folder / "metrics" / protocol / f"{model}.json")
    write_json(_summary(comparison.tables["scores"]), project.paths.metrics)
    calibrations = {model: calibration.to_json() for model, calibration in comparison.calibrations.items()}
    write_json({"models": calibrations}, project.paths.calibrations)
    # Last: it says which runs the tables above belong to, and what they hold.
    inputs = {f"{run.model}/{run.protocol}": run.digests.run for run in runs}
    read = [*map(project.paths.comparison, COMPARISON_TABLES), project.paths.calibrations]
    files = {path.name: digest_files([path]) for path in read}
    write_record({"runs": inputs, "files": files}, project.paths.comparison_inputs)
    return comparison


def _summary(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What `dvc metrics` and `dvc exp` show: one number for each model, so that experiments fit on a screen.

    It is the mean SMAE of the targets under the protocol that best stands for new compositions.
    """
    protocols = list(dict.fromkeys(table["protocol"]))
    main = splits.for_new_compositions(protocols) or next(iter(protocols), "")
    means = scores.mean_smae(table, main).drop(CONTROL, errors="ignore")
    return {f"{main} smae": {str(model): float(value) for model, value in means.items()}}
