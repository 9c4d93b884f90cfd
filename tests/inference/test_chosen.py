from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.catalogue import Catalogue
from electrode_bench.inference.chosen import choose, others
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
    # The comparison has runs that are no longer there: it cannot say which model is best, or how wide intervals are.
    assert Catalogue(project).protocol == "stratified"
    for model in (None, "rf_magpie"):
        with pytest.raises(UserError, match="was made from other runs"):
            choose(project, model=model)
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


def test_what_was_found_is_remembered_until_a_file_changes(project: Project) -> None:
    first = choose(project).predictor.predict(["LiFePO4", "LiUO2"])
    folder = Catalogue(project).folder
    names = {"fitted.json", "ranking.json", "model-rf_magpie.json", "domain.npz", "known.parquet"}
    assert {path.name for path in folder.iterdir()} == {f"{name}.sealed" for name in names}
    assert choose(project).predictor.predict(["LiFePO4", "LiUO2"]) == first
    scores = project.paths.comparison("scores")
    scores.write_text(scores.read_text())
    assert Catalogue(project).folder != folder


def test_what_is_remembered_and_damaged_is_made_again(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    first = choose(project).predictor.predict(["LiFePO4", "LiUO2"])
    folder = Catalogue(project).folder
    files = sorted(folder.iterdir())
    whole = {path.name: path.read_bytes() for path in files}
    for path, content in zip(files, whole.values(), strict=True):
        flipped = bytearray(content)
        flipped[len(flipped) // 2] ^= 4
        path.write_bytes(flipped)
    (forest,) = (project.paths.cache / "models").glob("*/forests.safetensors")
    model = forest.parent
    flipped = bytearray(forest.read_bytes())
    flipped[len(flipped) // 2] ^= 4
    forest.write_bytes(flipped)
    assert choose(project).predictor.predict(["LiFePO4", "LiUO2"]) == first
    assert {path.name: path.read_bytes() for path in files} == whole
    assert len(caplog.messages) == len(files) + 1
    assert f"{model} is damaged (forests.safetensors does not match its checksum); it was moved to" in caplog.text


def test_a_damaged_model_is_not_shown_beside_the_others(project: Project) -> None:
    choose(project)
    control = choose(project, model="control")
    (forest,) = (project.paths.cache / "models").glob("*/forests.safetensors")
    forest.unlink()
    assert others(project, control) == ([], ["RF@Magpie"])
    assert [model.name for model in others(project, control, fit=True)[0]] == ["rf_magpie"]


def test_the_others_are_those_that_are_fitted_without_the_controls(project: Project) -> None:
    best = choose(project)
    # The project has one model besides the control.
    assert others(project, best) == ([], [])
    control = choose(project, model="control")
    (other,), missing = others(project, control)
    assert (other.name, missing) == ("rf_magpie", [])
    assert other.predictor.domain is control.predictor.domain
    (project.paths.cache / "models").rename(project.paths.cache / "moved")
    assert others(project, control) == ([], ["RF@Magpie"])
    assert [model.name for model in others(project, control, fit=True)[0]] == ["rf_magpie"]
