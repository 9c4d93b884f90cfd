from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field, PositiveInt, ValidationError, model_validator

from electrode_bench.core.config import Strict, explain, validate
from electrode_bench.errors import UserError


class Inner(Strict):
    width: PositiveInt = 2
    """How wide
    it is."""


class Outer(Strict):
    size: Annotated[int, Field(ge=1)]
    """How large it is."""
    inner: Inner = Inner()
    share: float = 0.5

    @model_validator(mode="after")
    def _fits(self) -> Outer:
        if self.inner.width > self.size:
            raise ValueError("the inner width exceeds the size")
        return self


def test_values_become_the_model() -> None:
    assert validate(Outer, {"size": 3, "inner": {"width": 1}}, where="x.yaml") == Outer(size=3, inner=Inner(width=1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 3, "sise": 3}, "x.yaml: unknown key 'sise'; did you mean 'size'?"),
        ({"sise": 3}, "x.yaml: unknown key 'sise'; did you mean 'size'?"),
        ({"size": 3, "inner": {"wide": 1}}, "x.yaml: unknown key 'inner.wide'; did you mean 'width'?"),
        ({}, "x.yaml: the key 'size' is missing"),
        ({"size": 0}, "x.yaml: size: Input should be greater than or equal to 1 (got 0)"),
        ({"size": 1}, "x.yaml: the inner width exceeds the size (got {'size': 1})"),
        ({"size": 2, "share": float("nan")}, "x.yaml: share: Input should be a finite number (got nan)"),
        ([1], "x.yaml must be a mapping of keys to values, but is list"),
        (None, "x.yaml must be a mapping of keys to values, but is NoneType"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_where(values: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        validate(Outer, values, where="x.yaml")
    assert str(caught.value) == message


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Outer(size=3).size = 4


def test_every_key_is_listed_with_its_value_and_meaning() -> None:
    assert explain(Outer(size=3), prefix="outer.") == [
        {"key": "outer.size", "value": 3, "meaning": "How large it is."},
        {"key": "outer.inner.width", "value": 2, "meaning": "How wide it is."},
        {"key": "outer.share", "value": 0.5, "meaning": ""},
    ]
