"""One trial: what is fitted, scored, reported and stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.studies import RecordingLogger, run_study

from electrode_bench import models
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import TARGETS
from electrode_bench.models.search_space import Choice, Float
from electrode_bench.tuning.storage import journal
from electrode_bench.tuning.study import StudySpec
from electrode_bench.tuning.trial import device_on_host, fold_smae, reevaluate

MakeSpec = Callable[..., StudySpec]

FRAGILE = "support.fragile_model"


def test_the_value_is_the_mean_smae_and_can_be_computed_again(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    spec = make_spec()
    study = run_study(spec, journal(tmp_path), logger, trials=6).study
    complete = [result for result in logger.results if result.state == "complete"]
    for result in complete:
        by_fold = [np.mean([scores[target] for target in TARGETS]) for scores in result.folds.values()]
        assert result.values == (pytest.approx(np.mean(by_fold)),)
    best = study.best()
    assert best is not None
    assert best.result.values[0] == min(result.values[0] for result in complete)
    assert reevaluate(spec, best) == best.result.values[0]


def test_smae_is_relative_to_the_training_mean() -> None:
    targets = pd.DataFrame({target: [1.0, 3.0, 5.0] for target in TARGETS}, index=list("abc"))
    fold = Fold("grouped", "fold-0", ("a", "b"), ("c",))
    predicted = pd.DataFrame({target: [4.0] for target in TARGETS}, index=["c"])
    assert fold_smae(predicted, fold, targets) == dict.fromkeys(TARGETS, pytest.approx(1 / 3))


def test_the_objective_may_be_one_target(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    run_study(make_spec(objective="average_voltage"), journal(tmp_path), logger, trials=1)
    (result,) = logger.results
    expected = np.mean([scores["average_voltage"] for scores in result.folds.values()])
    assert result.values[0] == pytest.approx(expected)


def test_a_failing_trial_fails_alone_with_its_reason(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    model = models.from_module(FRAGILE)
    spec = make_spec(model, base={"shift": 0.5}, space=model.space, sampler="random")
    study = run_study(spec, journal(tmp_path), logger, trials=6).study
    broken = {trial.number for trial in study.trials() if trial.params["broken"]}
    failed = {result.number for result in logger.results if result.state == "fail"}
    assert failed == broken
    assert 0 < len(failed) < 6
    reasons = {result.reason for result in logger.results if result.state == "fail"}
    assert all(reason.startswith("ValueError: this fit was told to fail (fragile_model.py:") for reason in reasons)
    assert study.count() == 6


def test_a_control_without_error_fails_the_trial(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    from dataclasses import replace

    spec = make_spec()
    constant = replace(spec.outer, targets=spec.outer.targets * 0 + 1.0)
    run_study(replace(spec, outer=constant), journal(tmp_path), logger, trials=1)
    (result,) = logger.results
    assert result.state == "fail"
    assert "volumetric_capacity, average_voltage is not defined, because all values in " in result.reason
    assert "set sweep.objective to a target that varies" in result.reason


@pytest.mark.parametrize(("memory", "state"), [(64, "complete"), (32, "fail")])
def test_out_of_memory_halves_the_batch_once(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path, memory: int, state: str
) -> None:
    base = {"batch_size": 128, "memory": memory}
    spec = make_spec(models.from_module(FRAGILE), base=base, space={"shift": Float(0.0, 1.0)})
    study = run_study(spec, journal(tmp_path), logger, trials=1).study
    (result,), (trial,) = logger.results, study.trials()
    assert (result.state, result.batch_size) == (state, 64)
    if state == "fail":
        assert result.reason == "out of memory"
    else:
        assert study.configuration(trial).model_dump()["batch_size"] == 64
        assert reevaluate(spec, trial) == result.values[0]


def _small_network(**values: Any) -> dict[str, Any]:
    return {**models.spec("modnet").quick, "shared": [16], "grouped": [8], "separate": [8], **values}


def test_hopeless_trainings_are_pruned_within_a_fold(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    # A learning rate of 1e-9 learns nothing.
    space = {"learning_rate": Choice((3e-3, 1e-9))}
    spec = make_spec("modnet", space=space, base=_small_network(epochs=8, batch_size=16), sampler="random")
    study = run_study(spec, journal(tmp_path), logger, trials=14).study
    rates = {trial.number: trial.params["learning_rate"] for trial in study.trials()}
    pruned = [result for result in logger.results if result.state == "pruned"]
    assert pruned
    assert {rates[result.number] for result in pruned} == {1e-9}
    # The end of the first fold is step 4.
    assert min(result.steps[-1][0] for result in pruned) < 4
    assert "at epoch" in pruned[0].reason


def test_the_wilcoxon_pruner_gets_one_report_per_fold(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    run_study(make_spec(pruner="wilcoxon"), journal(tmp_path), logger, trials=2)
    assert [step for result in logger.results for step, _ in result.steps] == [0, 0]


def test_two_objectives_have_error_and_seconds_per_fold(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    study = run_study(make_spec(against_seconds=True), journal(tmp_path), logger, trials=3).study
    assert study.has_two_objectives
    assert all(len(result.values) == 2 and result.values[1] > 0 for result in logger.results)
    assert all(result.steps == () for result in logger.results)


def test_the_cost_of_a_fit_is_processor_time(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    model, space = models.from_module(FRAGILE), {"shift": Float(0.0, 1.0)}
    spec = make_spec(model, base={"waiting": 0.5}, space=space, against_seconds=True)
    run_study(spec, journal(tmp_path), logger, trials=1)
    (result,) = logger.results
    assert result.seconds >= 0.5 * len(result.folds)
    assert 0 < result.values[1] < 0.5


def test_a_gpu_is_named_with_what_its_number_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert device_on_host("cuda:0 H100") == "cuda:0 H100"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert device_on_host("cuda:0 H100") == "cuda:0 H100 of CUDA_VISIBLE_DEVICES=3"
    assert device_on_host("cpu") == "cpu"
