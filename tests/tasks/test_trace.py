from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.artifacts import write_csv
from electrode_bench.core.digests import digest_files
from electrode_bench.core.outputs import read_record, write_record
from electrode_bench.core.schema import ID
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tasks.trace import refit, trace, verify


def test_a_number_leads_to_what_it_was_made_from(finished: Project) -> None:
    traced = trace(finished, model="rf_magpie", protocol="grouped", target="average_voltage", metric="mae")
    run, scores = finished.run("rf_magpie", "grouped"), finished.comparison("scores")
    row = scores.query(
        "model == 'rf_magpie' and protocol == 'grouped' and target == 'average_voltage' and metric == 'mae'"
    ).query("fold == 'all'")
    assert traced.number.value == row["value"].item()
    # By hand: the mean over folds of the mean absolute errors.
    of_target = run.predictions.query("target == 'average_voltage'")
    errors = (of_target["y_pred"] - of_target["y_true"]).abs().groupby(of_target["fold"]).mean()
    assert math.isclose(traced.number.value, errors.mean(), rel_tol=1e-9)
    assert traced.number.label == "MAE (V) of average voltage"
    assert traced.number.n == len(of_target)
    sources = traced.sources
    assert sources["predictions"]["sha256"] == run.digests.predictions
    assert sources["folds"]["seeds"] == {key: fold.seed for key, fold in run.folds.items()}
    assert sources["configuration"]["values"] == run.config
    assert sources["configuration"]["origin"] == "params.yaml, not tuned"
    assert sources["code"]["unchanged_since_the_fit"] is True
    assert sources["data"]["targets_sha256"] == finished.targets_digest()
    for section in ("predictions", "folds", "configuration"):
        assert (finished.root / sources[section]["file"]).is_file()
    assert sources["MLflow"]["reason"].startswith("not published here")


def test_of_a_single_fold(finished: Project) -> None:
    key = finished.protocol_folds("loco")[0].key
    traced = trace(finished, model="rf_magpie", protocol="loco", target="average_voltage", fold=key)
    assert list(traced.sources["folds"]["seeds"]) == [key]
    assert math.isnan(traced.number.spread)
    assert all(check.passed for check in verify(finished, traced))


def test_the_number_of_a_fold_is_enough(finished: Project) -> None:
    short, full = (
        trace(finished, model="rf_magpie", protocol="grouped", target="average_voltage", fold=fold)
        for fold in ("0", "fold-0")
    )
    assert short.number.fold == "fold-0"
    assert (short.number.value, short.sources) == (full.number.value, full.sources)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"model": "rf"}, "the comparison has no model 'rf'"),
        ({"protocol": "groupd"}, "did you mean 'grouped'?"),
        ({"target": "voltage"}, "unknown target 'voltage'"),
        ({"metric": "smea"}, "did you mean 'smae'?"),
        ({"fold": "fold-17"}, "rf_magpie under grouped has no fold 'fold-17'"),
    ],
)
def test_what_there_is_not(finished: Project, changed: dict[str, str], expected: str) -> None:
    wanted = {"model": "rf_magpie", "protocol": "grouped", "target": "average_voltage"} | changed
    with pytest.raises(UserError) as error:
        trace(finished, **wanted)
    assert expected in str(error.value)


def test_another_number_in_the_table_does_not_pass(project: Project) -> None:
    path = project.paths.comparison("scores")
    scores = pd.read_csv(path)
    write_csv(scores.assign(value=scores["value"] * 1.001), path)
    inputs = read_record(project.paths.comparison_inputs, stage="compare")
    inputs["files"][path.name] = digest_files([path])
    write_record(inputs, project.paths.comparison_inputs)
    traced = trace(project, model="rf_magpie", protocol="grouped", target="average_voltage")
    assert [check.passed for check in verify(project, traced)] == [True, False]


def test_folds_that_are_fitted_again_are_identical_and_another_seed_is_noticed(finished: Project) -> None:
    traced = trace(finished, model="rf_magpie", protocol="grouped", target="average_voltage", fold="fold-1")
    same, number = refit(finished, traced)
    assert (same.passed, same.found, number.passed) == (True, "identical", True)
    other = replace(traced, run=traced.run.model_copy(update={"seed": traced.run.seed + 1}))
    same, number = refit(finished, other)
    assert not same.passed
    assert same.found.startswith("they differ by up to ")
    assert not number.passed


def test_predictions_are_compared_by_electrode(finished: Project) -> None:
    traced = trace(finished, model="control", protocol="grouped", target="average_voltage")
    shuffled = traced.run.predictions.sample(frac=1, random_state=np.random.default_rng(3))
    assert list(shuffled[ID]) != list(traced.run.predictions[ID])
    other = replace(traced, run=traced.run.model_copy(update={"predictions": shuffled}))
    assert all(check.passed for check in refit(finished, other))
