"""An ensemble in a project: its members' runs and its own share their folds, and its model predicts without it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import TESTS, forks
from support.projects import QUICK, write_params

import electrode_bench
from electrode_bench import models
from electrode_bench.core.schema import SHARE_COLUMNS, TARGETS, share_column
from electrode_bench.errors import UserError
from electrode_bench.fitting.final import final_model
from electrode_bench.inference.chosen import choose
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.stages import compare, featurize, fit

MEMBERS = ("rf_magpie", "sharing_redox")

PARAMS = QUICK.model_copy(
    update={
        "models": {
            "rf_magpie": {"n_estimators": 7},
            "sharing_model": {"module": "support.sharing_model", "slope": 2.0},
            "sharing_redox": {"module": "support.sharing_redox"},
            "ensemble": {"members": list(MEMBERS), "weights": {"rf_magpie": {"voltage": 2}}},
        }
    }
)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    write_params(project, PARAMS)
    featurize.run(project, PARAMS.featurize, feature_set="redox")
    return project


def _folds(project: Project) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in project.paths.cache.glob("folds/*/predictions.parquet")}


def _bytes(project: Project) -> dict[str, str]:
    files = [p for name in (*MEMBERS, "ensemble") for p in (project.paths.results / "fit" / name).glob("*/*")]
    return {str(p.relative_to(project.root)): hashlib.md5(p.read_bytes()).hexdigest() for p in files}


def test_the_order_of_the_stages_does_not_matter(project: Project, tmp_path: Path) -> None:
    other = Project(shutil.copytree(project.root, tmp_path / "other"))
    known = set(_folds(project))
    for one, order in ((project, (*MEMBERS, "ensemble")), (other, ("ensemble", *MEMBERS))):
        for model in order:
            for protocol in ("grouped", "loco"):
                fit.run(one, PARAMS, model=model, protocol=protocol)
    made = _bytes(project)
    assert made == _bytes(other)
    assert {Path(file).name for file in made} == {"predictions.parquet", "share.parquet", "cell.json"}
    folds = sum(len(project.protocol_folds(protocol)) for protocol in ("grouped", "loco"))
    new = [set(_folds(one)) - known for one in (project, other)]
    assert new[0] == new[1]
    assert len(new[0]) == 3 * folds
    run = project.run("ensemble", "grouped")
    assert run.feature_set == "magpie_mean+redox"
    assert list(run.members) == list(MEMBERS)
    record = json.loads(project.paths.run("ensemble", "grouped").read_text())
    assert record["members"]["rf_magpie"]["config"] == project.run("rf_magpie", "grouped").digests.config
    # A member without a distribution: the ensemble has none either.
    assert (run.share.empty, list(run.share.columns)) == (True, list(SHARE_COLUMNS))


def test_all_protocols_are_those_of_the_split(project: Project) -> None:
    folder = project.paths.results / "fit" / "control"
    known, before = _folds(project), {path: path.read_bytes() for path in folder.glob("*/*")}
    # A protocol that params.yaml listed before; readers would refuse its run as one of another split.
    shutil.copytree(folder / "grouped", folder / "chronological")
    # Another one, of which a kill has left the predictions.
    shutil.copytree(folder / "grouped", folder / "random")
    (folder / "random" / "cell.json").unlink()
    made = list(fit.run_all(project, PARAMS, model="control"))
    assert {run.protocol for run in made} == set(project.split_digests())
    assert {path: path.read_bytes() for path in folder.glob("*/*")} == before
    assert _folds(project) == known
    # One protocol that is asked for leaves the others alone.
    fit.run(project, PARAMS, model="control", protocol="grouped")
    assert {path: path.read_bytes() for path in folder.glob("*/*")} == before


def test_a_changed_member_changes_the_ensemble_and_nothing_else(project: Project) -> None:
    before = fit.run(project, PARAMS, model="ensemble", protocol="grouped")
    known = set(_folds(project))
    changed = PARAMS.model_copy(update={"models": {**PARAMS.models, "rf_magpie": {"n_estimators": 8}}})
    after = fit.run(project, changed, model="ensemble", protocol="grouped")
    assert not after.predictions["y_pred"].equals(before.predictions["y_pred"])
    assert after.digests.config != before.digests.config
    # The folds of the forest and of the ensemble; not those of the other member.
    assert len(set(_folds(project)) - known) == 2 * len(after.folds)


def test_its_model_is_made_of_the_members_models_and_predicts_alone(project: Project, tmp_path: Path) -> None:
    # Members that all predict the distribution of the share, from different features.
    sharing = PARAMS.model_copy(
        update={"models": {**PARAMS.models, "ensemble": {"members": ["sharing_model", "sharing_redox"]}}}
    )
    for params, with_share in ((PARAMS, False), (sharing, True)):
        run = fit.run(project, params, model="ensemble", protocol="grouped")
        folder = final_model(project, run)
        assert folder is not None
        written = {p.name: p.stat().st_mtime_ns for p in (project.paths.cache / "models").iterdir()}
        # Those of its members' own runs are the same.
        for name in run.members:
            assert final_model(project, fit.run(project, params, model=name, protocol="grouped")) is not None
        assert {p.name: p.stat().st_mtime_ns for p in (project.paths.cache / "models").iterdir()} == written
        assert not [p for p in folder.rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib")]
        # In a fresh process, from a copy, where the project is not.
        copy = shutil.copytree(folder, tmp_path / folder.name)
        code = (
            "import sys; from pathlib import Path; from electrode_bench.inference.formula_model import FormulaModel\n"
            "FormulaModel(Path(sys.argv[1])).predict(['LiCoO2', 'Na2MnO3']).to_pickle(sys.argv[2])"
        )
        environment = {**os.environ, "ELECTRODE_BENCH_MODULES": str(TESTS)}
        command = [sys.executable, "-c", code, str(copy), str(tmp_path / "predicted.pickle")]
        forks.run(command, check=True, env=environment, cwd=tmp_path)
        predicted = pd.read_pickle(tmp_path / "predicted.pickle")
        here = FormulaModel(folder).predict(["LiCoO2", "Na2MnO3"])
        pd.testing.assert_frame_equal(predicted, here, check_exact=True)
        assert set(TARGETS) <= set(here)
        assert (share_column(0.985) in here) is with_share
    # Intervals come from a comparison, in which every model has the same protocols.
    for other in ("bootstrap", "loco", "stratified"):
        for cell in (project.paths.results / "fit").glob(f"*/{other}"):
            shutil.rmtree(cell)
    compare.run(project, seed=sharing.seed)
    chosen = choose(project, model="ensemble")
    answer = chosen.predictor.predict(["LiCoO2"])[0]
    assert answer.share is not None
    assert answer.share.value <= 1 + 1e-9
    (row,) = electrode_bench.predict(chosen, "LiCoO2").to_dict("records")
    assert (row["extracted_share"], row["full_extraction"]) == (answer.share.value, answer.share.full_extraction)
    assert electrode_bench.predict(choose(project, model="rf_magpie"), "LiCoO2")["full_extraction"].isna().all()


def test_a_member_that_does_not_exist_or_has_no_features_is_named(project: Project) -> None:
    def with_members(*names: str) -> Params:
        return PARAMS.model_copy(update={"models": {**PARAMS.models, "ensemble": {"members": list(names)}}})

    with pytest.raises(UserError, match=r"models\.ensemble\.members: unknown model 'forest'"):
        fit.run(project, with_members("forest"), model="ensemble", protocol="grouped")
    with pytest.raises(UserError, match=r"elements\.parquet is missing; make it with: dvc repro featurize"):
        fit.run(project, with_members("crabnet", "control"), model="ensemble", protocol="grouped")


def test_an_ensemble_has_no_sweep_of_its_own(project: Project) -> None:
    from electrode_bench.tuning.plan import plan_studies

    expected = "ensemble has no sweep of its own: it combines the folds of rf_magpie, sharing_redox; tune these instead"
    with pytest.raises(UserError, match=expected):
        plan_studies(project, PARAMS, model="ensemble", nested=False)
    assert models.spec("ensemble").space == {}
