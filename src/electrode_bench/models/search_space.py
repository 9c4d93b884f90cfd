"""Search spaces: which values of a model's parameters a study may try, and how params.yaml narrows them.

Plain data: ``tuning`` translates a space for the library that draws the values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from electrode_bench.errors import UserError, nearest


@dataclass(frozen=True)
class Int:
    """Whole numbers from ``low`` to ``high``, both included; with ``log`` every order of magnitude is as likely."""

    low: int
    high: int
    log: bool = False

    def narrowed(self, bounds: Any) -> Int:
        """The same within ``bounds``, {low, high} of params.yaml; a UserError when they are wrong."""
        low, high = _bounds(self, bounds, number=int)
        return Int(low, high, self.log)

    def contains(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Float:
    """Numbers from ``low`` to ``high``, both included; with ``log`` every order of magnitude is as likely."""

    low: float
    high: float
    log: bool = False

    def narrowed(self, bounds: Any) -> Float:
        """The same within ``bounds``, {low, high} of params.yaml; a UserError when they are wrong."""
        low, high = _bounds(self, bounds, number=(int, float))
        return Float(float(low), float(high), self.log)

    def contains(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of ``values``: texts, numbers, booleans, null, or lists of them (widths of layers)."""

    values: tuple[Any, ...]

    def narrowed(self, values: Any) -> Choice:
        """The same with some of the values only; a UserError when one of them is not a choice."""
        if not isinstance(values, list) or not values:
            raise UserError(f"give a list of some of {_listed(self.values)}")
        chosen = tuple(_tuple_of_list(value) for value in values)
        for value in chosen:
            if not self.contains(value):
                raise UserError(f"{json.dumps(value)} is not one of {_listed(self.values)}")
        return Choice(chosen)

    def contains(self, value: Any) -> bool:
        # As JSON, 1 and true differ, and a list equals a tuple.
        return json.dumps(value) in [json.dumps(choice) for choice in self.values]


Dimension = Int | Float | Choice


def narrowed(space: Mapping[str, Dimension], limits: Mapping[str, Any], *, where: str) -> dict[str, Dimension]:
    """``space`` within ``limits``; parameters that it does not name stay as they are.

    Parameters
    ----------
    limits : by parameter: {low, high} (either may be missing) or a list of choices; null leaves the parameter out of
        the search, so that it keeps its configured value.
    where : where the limits come from, for messages.

    Raises
    ------
    UserError
        When a parameter is not in the space, or a limit lies outside it.
    """
    for name in limits:
        if name not in space:
            raise UserError(f"{where}: '{name}' is not in the search space; {nearest(name, space)}")
    out: dict[str, Dimension] = {}
    for name, dimension in space.items():
        if name not in limits:
            out[name] = dimension
        elif limits[name] is not None:
            try:
                out[name] = dimension.narrowed(limits[name])
            except UserError as error:
                raise UserError(f"{where}.{name}: {error}") from None
    if not out:
        raise UserError(f"{where}: nothing is left to search")
    return out


def as_json(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """The space as plain values, for digests and records.

    Examples
    --------
    >>> as_json({"depth": Int(1, 4)})
    {'depth': {'kind': 'int', 'low': 1, 'high': 4, 'log': False}}
    """
    return {
        name: {"kind": type(dimension).__name__.lower(), **asdict(dimension)}
        for name, dimension in sorted(space.items())
    }


def from_json(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Dimension]:
    """The inverse of :func:`as_json`."""
    kinds: dict[str, Callable[..., Dimension]] = {"int": Int, "float": Float, "choice": Choice}
    space = {}
    for name, saved in values.items():
        fields = {key: value for key, value in saved.items() if key != "kind"}
        if "values" in fields:
            fields["values"] = tuple(_tuple_of_list(value) for value in fields["values"])
        space[name] = kinds[saved["kind"]](**fields)
    return space


def in_words(dimension: Dimension) -> str:
    """A dimension for people.

    Examples
    --------
    >>> in_words(Float(0.001, 0.1, log=True)), in_words(Choice((32, 64)))
    ('0.001 to 0.1, logarithmic', 'one of 32, 64')
    """
    if isinstance(dimension, Choice):
        return f"one of {_listed(dimension.values)}"
    return f"{dimension.low} to {dimension.high}{', logarithmic' if dimension.log else ''}"


def outside(space: Mapping[str, Dimension], values: Mapping[str, Any]) -> list[str]:
    """The parameters of the space whose values lie outside it."""
    return [name for name, dimension in space.items() if not dimension.contains(values[name])]


def _bounds(dimension: Int | Float, given: Any, *, number: type | tuple[type, ...]) -> tuple[Any, Any]:
    if not isinstance(given, dict) or set(given) - {"low", "high"} or not given:
        raise UserError(f"give {{low: ..., high: ...}} within {dimension.low:g} to {dimension.high:g}")
    low, high = given.get("low", dimension.low), given.get("high", dimension.high)
    for bound in (low, high):
        if isinstance(bound, bool) or not isinstance(bound, number):
            raise UserError(f"{bound!r} is not a {'whole number' if number is int else 'number'}")
    if not dimension.low <= low <= high <= dimension.high:
        raise UserError(f"{low:g} to {high:g} is not within {dimension.low:g} to {dimension.high:g}")
    return low, high


def _tuple_of_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(json.dumps(value) for value in values)
