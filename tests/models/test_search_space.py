"""Search spaces as plain data: narrowing, membership, JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from electrode_bench import models
from electrode_bench.errors import UserError
from electrode_bench.models import search_space
from electrode_bench.models.search_space import Choice, Float, Int, narrowed, outside

SPACE = {
    "trees": Int(10, 100, log=True),
    "rate": Float(1e-4, 1e-1, log=True),
    "widths": Choice(((64,), (64, 32), None)),
}


def test_bounds_and_choices_are_narrowed() -> None:
    limits = {"trees": {"low": 20}, "widths": [[64, 32]], "rate": None}
    assert narrowed(SPACE, limits, where="sweep") == {"trees": Int(20, 100, log=True), "widths": Choice(((64, 32),))}
    assert narrowed(SPACE, {}, where="sweep") == SPACE


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"tres": {}}, "sweep: 'tres' is not in the search space; did you mean 'trees'"),
        ({"trees": {"low": 5}}, "sweep.trees: 5 to 100 is not within 10 to 100"),
        ({"trees": {"low": 50, "high": 20}}, "50 to 20 is not within"),
        ({"trees": {"low": 20.5}}, "20.5 is not a whole number"),
        ({"trees": {"low": True}}, "True is not a whole number"),
        ({"trees": {"from": 20}}, "give {low: ..., high: ...} within 10 to 100"),
        ({"rate": 0.1}, "give {low: ..., high: ...} within 0.0001 to 0.1"),
        ({"widths": [[128]]}, r"\[128\] is not one of \[64\], \[64, 32\], null"),
        ({"widths": []}, "give a list of some of"),
        (dict.fromkeys(SPACE), "nothing is left to search"),
    ],
)
def test_limits_outside_the_space_are_an_error(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        narrowed(SPACE, limits, where="sweep")


def test_values_outside_the_space_are_named() -> None:
    inside = {"trees": 10, "rate": 1e-4, "widths": (64, 32)}
    assert outside(SPACE, inside) == []
    assert outside(SPACE, {**inside, "widths": [64, 32]}) == []
    for name, value in (("trees", 9), ("trees", True), ("rate", 1.0), ("widths", (32,)), ("rate", "0.001")):
        assert outside(SPACE, {**inside, name: value}) == [name], value
    assert not Choice((1, 2)).contains(True)


def test_a_space_comes_back_from_json() -> None:
    saved = json.loads(json.dumps(search_space.as_json(SPACE)))
    assert search_space.from_json(saved) == SPACE
    assert saved["trees"] == {"kind": "int", "low": 10, "high": 100, "log": True}


@pytest.mark.parametrize("name", [name for name, spec in models.MODELS.items() if spec.space])
def test_every_models_space_contains_its_defaults(name: str) -> None:
    spec = models.spec(name)
    assert outside(spec.space, models.configure(spec, {}).model_dump(mode="json")) == []
    assert set(search_space.as_json(spec.space)) == set(spec.space)
