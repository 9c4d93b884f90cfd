"""Search spaces and values as Optuna has them."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench import models
from electrode_bench.models.search_space import Choice, Float, Int
from electrode_bench.tuning.distributions import decoded, distributions, encoded

SPACE = {
    "trees": Int(10, 100, log=True),
    "rate": Float(1e-4, 1e-1, log=True),
    "widths": Choice(((64,), (64, 32), None)),
}

#: As the first version of this program drew them.
VALUES_OF_SEED_1 = [
    {"trees": 25, "rate": 0.01449, "widths": [64, 32]},
    {"trees": 12, "rate": 0.0003621, "widths": None},
]


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_suggested_values_are_inside_and_come_back_from_storage(seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    stored = study.ask(distributions(SPACE)).params
    values = decoded(stored, SPACE)
    assert list(values) == list(SPACE)
    assert all(SPACE[name].contains(value) for name, value in values.items())
    again = encoded(values, SPACE)
    assert again is not None
    assert decoded(again, SPACE) == values


def test_the_values_for_a_seed_do_not_change() -> None:
    """A study that is continued by a later version must draw the same values."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    values = [decoded(study.ask(distributions(SPACE)).params, SPACE) for _ in range(2)]
    assert values == VALUES_OF_SEED_1


def test_values_outside_the_space_are_not_stored() -> None:
    inside = {"trees": 10, "rate": 1e-4, "widths": (64, 32)}
    assert encoded(inside, SPACE) == {"trees": 10, "rate": 1e-4, "widths": "[64, 32]"}
    for name, value in (("trees", 9), ("trees", True), ("rate", 1.0), ("widths", (32,)), ("rate", "0.001")):
        assert encoded({**inside, name: value}, SPACE) is None, (name, value)


@pytest.mark.parametrize("name", [name for name, spec in models.MODELS.items() if spec.space])
def test_every_models_space_makes_valid_configurations(name: str) -> None:
    spec = models.spec(name)
    default = models.configure(spec, {}).model_dump(mode="json")
    assert encoded(default, spec.space) is not None
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        stored = study.ask(distributions(spec.space)).params
        models.configure(spec, {**default, **decoded(stored, spec.space)})
