from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from electrode_bench import models
from electrode_bench.errors import UserError
from electrode_bench.models import search_space
from electrode_bench.models.search_space import Choice, Float, Int, narrowed, stored, suggest

SPACE = {
    "trees": Int(10, 100, log=True),
    "rate": Float(1e-4, 1e-1, log=True),
    "widths": Choice(((64,), (64, 32), None)),
}


def test_bounds_and_choices_are_narrowed() -> None:
    found = narrowed(SPACE, {"trees": {"low": 20}, "widths": [[64, 32]], "rate": None}, where="sweep")
    assert found == {"trees": Int(20, 100, log=True), "widths": Choice(((64, 32),))}
    assert narrowed(SPACE, {}, where="sweep") == SPACE


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ({"tres": {}}, "sweep: 'tres' is not in the search space; did you mean 'trees'"),
        ({"trees": {"low": 5}}, "sweep.trees: 5 to 100 is not within 10 to 100"),
        ({"trees": {"low": 50, "high": 20}}, "50 to 20 is not within"),
        ({"trees": {"low": 20.5}}, "20.5 is no whole number"),
        ({"trees": {"low": True}}, "True is no whole number"),
        ({"trees": {"from": 20}}, "give {low: ..., high: ...} within 10 to 100"),
        ({"rate": 0.1}, "give {low: ..., high: ...} within 0.0001 to 0.1"),
        ({"widths": [[128]]}, r"\[128\] is none of \[64\], \[64, 32\], null"),
        ({"widths": []}, "give a list of some of"),
        (dict.fromkeys(SPACE), "nothing is left to search"),
    ],
)
def test_what_is_not_within_the_space_is_an_error(to: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        narrowed(SPACE, to, where="sweep")


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_what_is_suggested_is_inside_and_comes_back_from_what_is_stored(seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    values = suggest(trial, SPACE)
    assert all(SPACE[name].inside(value) for name, value in values.items())
    assert suggest(FixedTrial(trial.params), SPACE) == values
    kept = stored(SPACE, values)
    assert kept is not None
    assert suggest(FixedTrial(kept), SPACE) == values


def test_values_outside_are_not_stored() -> None:
    inside = {"trees": 10, "rate": 1e-4, "widths": (64, 32)}
    assert stored(SPACE, inside) == {"trees": 10, "rate": 1e-4, "widths": "[64, 32]"}
    for name, value in (("trees", 9), ("trees", True), ("rate", 1.0), ("widths", (32,)), ("rate", "0.001")):
        assert stored(SPACE, {**inside, name: value}) is None, (name, value)


@pytest.mark.parametrize("name", [name for name, spec in models.REGISTRY.items() if spec.space])
def test_every_models_space_makes_valid_configurations_and_holds_the_default(name: str) -> None:
    spec = models.spec(name)
    default = models.configure(name, {}).model_dump(mode="json")
    assert stored(spec.space, default) is not None
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        models.configure(name, {**default, **suggest(study.ask(), spec.space)})
    assert set(search_space.as_json(spec.space)) == set(spec.space)
