"""What a study may see, and what its name depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from electrode_bench import models
from electrode_bench.errors import UserError
from electrode_bench.models.search_space import Int
from electrode_bench.tuning import storage
from electrode_bench.tuning.storage import journal, open_storage, open_study
from electrode_bench.tuning.stored_study import result_of
from electrode_bench.tuning.study import OuterTrainingSet, StudySpec

MakeSpec = Callable[..., StudySpec]


def test_inner_folds_have_rows_of_the_training_set_only(make_spec: MakeSpec) -> None:
    outer = make_spec().outer
    with pytest.raises(ValueError, match="has rows that are not in the training set of grouped/fold-0"):
        OuterTrainingSet(outer.name, outer.frame.iloc[1:], outer.targets.iloc[1:], outer.folds)


def test_a_changed_study_is_another_one_and_says_what_changed(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec, url = make_spec(), journal(tmp_path)
    assert open_study(spec, url=url, trials=2).created
    wider = replace(spec, space={**spec.space, "n_estimators": Int(2, 7)})
    assert open_study(wider, url=url, trials=2).changed == ("search space",)
    outer = replace(spec.outer, targets=spec.outer.targets * 1.01)
    assert open_study(replace(wider, outer=outer), url=url, trials=2).changed == ("data",)
    one_fold = replace(outer, folds=outer.folds[:1])
    assert open_study(replace(wider, outer=one_fold), url=url, trials=2).changed == ("inner folds",)


@pytest.mark.parametrize("attributes", [[], ["identity"], ["identity", "space", "base"]])
def test_a_study_whose_process_was_killed_before_it_was_described_is_described_later(
    make_spec: MakeSpec, tmp_path: Path, attributes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_PATIENCE", 0.2)
    whole = open_study(make_spec(), url=journal(tmp_path / "whole"), trials=2).study
    left = optuna.create_study(study_name=whole.name, storage=open_storage(journal(tmp_path / "left")))
    for name in attributes:
        left.set_user_attr(name, whole.attributes[name])
    opened = open_study(make_spec(), url=journal(tmp_path / "left"), trials=2)
    assert opened.created
    assert opened.study.attributes == whole.attributes
    assert [trial.is_configured for trial in opened.study.trials()] == [True]
    assert not open_study(make_spec(), url=journal(tmp_path / "left"), trials=2).created


def test_only_parameters_outside_the_space_count_as_fixed(make_spec: MakeSpec) -> None:
    spec = make_spec()
    fixed = models.configure(spec.model, {"n_estimators": 4, "max_depth": 3})
    assert replace(spec, base=fixed).name != spec.name
    searched = models.configure(spec.model, {"n_estimators": 5})
    assert replace(spec, base=searched).name == spec.name


def test_a_complete_trial_without_its_outcome_is_named() -> None:
    # A flipped bit in the name of the attribute: what belongs to the study is not told from what does not.
    trial = optuna.trial.create_trial(values=[0.5], user_attrs={"outcomd": {}})
    with pytest.raises(UserError, match="was stored by another version"):
        result_of(trial)
    empty = {"number": 0, "state": "complete", "values": [], "steps": []}
    with pytest.raises(UserError, match="no values"):
        result_of(optuna.trial.create_trial(values=[0.5], user_attrs={"outcome": empty}))
