"""The model of a run fitted on all rows: fitted once, described in full, and never on other data than the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.projects import QUICK

from electrode_bench import models, params
from electrode_bench.errors import UserError
from electrode_bench.fitting.final import final_model
from electrode_bench.project import Project
from electrode_bench.stages import featurize, fit


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    return Project(shutil.copytree(finished.root, tmp_path / "project"))


def test_it_is_fitted_once_and_says_what_it_is(project: Project) -> None:
    run = project.run("rf_magpie", "grouped")
    folder = final_model(project, run)
    assert folder is not None
    written = (folder / "model.json").stat().st_mtime_ns
    # It belongs to no protocol.
    assert final_model(project, project.run("rf_magpie", "loco")) == folder
    assert (folder / "model.json").stat().st_mtime_ns == written
    about = json.loads((folder / "model.json").read_text())
    assert about["digests"] == {"features": run.digests.features, "table": run.digests.table}
    assert (about["model"], about["module"], about["rows"]) == ("rf_magpie", run.module, 120)
    assert (about["composition"], about["feature_set"], about["synthetic"]) == ("discharged", "magpie_mean", True)
    assert about["missing_in_training"] == []
    model, loaded = models.load(folder)
    assert loaded == about
    frame = project.features("magpie_mean")
    assert list(model.predict(frame).mean.index) == list(frame.index)


def test_it_knows_which_features_were_missing_in_its_training(project: Project) -> None:
    path = project.paths.features("modnet")
    frame = pd.read_parquet(path)
    frame.loc[3, "Miedema|Miedema_deltaH_inter"] = float("nan")
    frame.to_parquet(path, index=False)
    folder = final_model(project, fit.run(project, QUICK, model="modnet", protocol="stratified"))
    assert folder is not None
    assert models.load(folder)[1]["missing_in_training"] == ["Miedema|Miedema_deltaH_inter"]


def test_the_order_of_the_rows_does_not_matter(project: Project) -> None:
    folder = final_model(project, project.run("rf_magpie", "grouped"))
    for path in (project.paths.table, project.paths.features("magpie_mean")):
        pd.read_parquet(path).iloc[::-1].to_parquet(path, index=False)
    assert final_model(project, project.run("rf_magpie", "grouped")) == folder


def test_it_has_the_configuration_of_its_run_whatever_params_say_now(project: Project) -> None:
    other = QUICK.model_copy(update={"seed": 7, "models": {"rf_magpie": {"n_estimators": 3}}})
    old, new = project.run("rf_magpie", "stratified"), fit.run(project, other, model="rf_magpie", protocol="stratified")
    described = []
    for run in (old, new):
        folder = final_model(project, run)
        assert folder is not None
        about = models.load(folder)[1]
        described.append((about["config"]["n_estimators"], about["seed"]))
    assert described == [(10, QUICK.seed), (3, 7)]


def test_a_run_on_other_features_has_none(project: Project) -> None:
    run = project.run("rf_magpie", "stratified")
    featurize.run(project, params.Featurize(composition="pair"), feature_set="magpie_mean")
    with pytest.raises(UserError, match=r"fitted on other data; run: dvc repro fit@rf_magpie"):
        final_model(project, run)
