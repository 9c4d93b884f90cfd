from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.chosen import choose
from electrode_bench.project import Project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    return Project(shutil.copytree(finished.root, tmp_path / "project"))


def test_the_best_model_under_grouped_folds_is_chosen(finished: Project) -> None:
    chosen = choose(finished)
    assert (chosen.name, chosen.protocol) == ("rf_magpie", "grouped")
    assert "predictor" not in repr(chosen)
    (answer,) = chosen.predictor.predict([finished.table()["formula_discharge"].iloc[0]])
    assert (answer.nearest_distance, answer.outside) == (pytest.approx(0, abs=1e-9), None)
    assert answer.fitted_on >= 1


def test_without_grouped_folds_the_stratified_errors_are_used(project: Project) -> None:
    for model in ("control", "rf_magpie"):
        shutil.rmtree(project.paths.run(model, "grouped").parent)
    assert choose(project, model="rf_magpie").protocol == "stratified"
    # The comparison has runs that are no longer there: it cannot say which model is best.
    with pytest.raises(UserError, match="was made from other runs"):
        choose(project)
    for model in ("control", "rf_magpie"):
        shutil.rmtree(project.paths.run(model, "stratified").parent)
    with pytest.raises(UserError, match="no model is fitted under grouped or stratified folds; run: dvc repro"):
        choose(project, model="rf_magpie")


def test_a_model_of_other_data_is_refused(project: Project) -> None:
    table = project.table()
    table["average_voltage"] += 1
    table.to_parquet(project.paths.table)
    with pytest.raises(UserError, match="fitted on other data"):
        choose(project)
