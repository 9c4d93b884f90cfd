"""What folds cost, as it was measured when they were fitted; it changes no result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from electrode_bench.core.artifacts import write_json
from electrode_bench.core.sealed import seal_folder
from electrode_bench.fitting.costs import fold_costs
from electrode_bench.fitting.fold_cache import fold_folder
from electrode_bench.project import Project
from electrode_bench.stages import compare, report


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """The finished project, to be changed."""
    return Project(shutil.copytree(finished.root, tmp_path / "copy"))


def _cost(project: Project, key: str, **values: object) -> None:
    """Write what the fit of a fold took."""
    folder = fold_folder(project.paths.cache, key)
    old = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
    write_json({**old, **values}, folder / "cost.json")
    seal_folder(folder)


def test_each_run_has_the_median_of_its_headline_folds(copy: Project) -> None:
    costs = fold_costs(copy).set_index(["model", "protocol"])
    assert set(costs.index) == {(run.model, run.protocol) for run in copy.runs()}
    folds = copy.fitted_folds()["rf_magpie", "grouped"]
    for seconds, fold in enumerate(folds.values(), start=1):
        _cost(copy, fold.cache_key, cpu_seconds=float(seconds), peak_rss_mb=None if seconds == 1 else 100.0 * seconds)
    row = fold_costs(copy).set_index(["model", "protocol"]).loc[("rf_magpie", "grouped")]
    numbers = range(1, len(folds) + 1)
    assert row["cpu_seconds"] == np.median(numbers)
    # A peak that is not known is left out, not counted as 0.
    assert row["peak_rss_mb"] == np.median([100.0 * n for n in numbers if n > 1])
    assert row["folds"] == len(folds)
    assert row["device"] == "cpu"


def test_a_run_without_measured_folds_has_no_row(copy: Project) -> None:
    shutil.rmtree(copy.paths.cache / "folds")
    assert fold_costs(copy).empty


def test_other_costs_change_no_output_but_the_page_that_shows_them(copy: Project) -> None:
    def outputs() -> dict[str, bytes]:
        compare.run(copy, seed=1)
        report.run(copy, fold_costs(copy))
        files = (path for path in copy.paths.results.rglob("*") if path.is_file())
        return {str(path.relative_to(copy.root)): path.read_bytes() for path in files}

    digests = {(run.model, run.protocol): run.digests for run in copy.runs()}
    first = outputs()
    for folds in copy.fitted_folds().values():
        for fold in folds.values():
            _cost(copy, fold.cache_key, cpu_seconds=1234.5, peak_rss_mb=6789.0)
    second = outputs()
    changed = {name for name in first if first[name] != second[name]}
    assert set(first) == set(second)
    assert changed == {str(copy.paths.report_with_costs.relative_to(copy.root))}
    assert {(run.model, run.protocol): run.digests for run in copy.runs()} == digests
    text = copy.paths.report_with_costs.read_text(encoding="utf-8")
    assert "6,789" in text
    assert "with_costs.html" in copy.paths.report.read_text(encoding="utf-8")
    report.run(copy)
    assert not copy.paths.report_with_costs.exists()
