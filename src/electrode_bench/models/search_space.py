"""Search spaces: which values of a model's parameters a sweep may try, typed, and how params.yaml narrows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from electrode_bench.errors import UserError, nearest

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Int:
    """Whole numbers from ``low`` to ``high``, both included; ``log`` tries each order of magnitude alike."""

    low: int
    high: int
    log: bool = False

    def narrowed(self, to: Any) -> Int:
        low, high = _ends(self, to, kind=int)
        return Int(low, high, self.log)

    def inside(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def stored(self, value: Any) -> Any:
        return value

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        return trial.suggest_int(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Float:
    """Numbers from ``low`` to ``high``, both included; ``log`` tries each order of magnitude alike."""

    low: float
    high: float
    log: bool = False

    def narrowed(self, to: Any) -> Float:
        low, high = _ends(self, to, kind=(int, float))
        return Float(float(low), float(high), self.log)

    def inside(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def stored(self, value: Any) -> Any:
        return float(value)

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        # Few digits: what is adopted into params.yaml is then exactly what was tried.
        return float(f"{trial.suggest_float(name, self.low, self.high, log=self.log):.4g}")


@dataclass(frozen=True)
class Choice:
    """One of ``values``: texts, numbers, true and false, null, or lists of them (widths of layers)."""

    values: tuple[Any, ...]

    def narrowed(self, to: Any) -> Choice:
        if not isinstance(to, list) or not to:
            raise UserError(f"give a list of some of {_shown(self.values)}")
        chosen = tuple(_frozen(v) for v in to)
        for value in chosen:
            if not self.inside(value):
                raise UserError(f"{json.dumps(value)} is none of {_shown(self.values)}")
        return Choice(chosen)

    def inside(self, value: Any) -> bool:
        return self.stored(value) in [self.stored(v) for v in self.values]

    def stored(self, value: Any) -> Any:
        # Optuna keeps texts, numbers and null; JSON tells 1 from true, and holds lists.
        return json.dumps(value)

    def suggest(self, trial: BaseTrial, name: str) -> Any:
        return json.loads(trial.suggest_categorical(name, [self.stored(v) for v in self.values]))


Dimension = Int | Float | Choice


def narrowed(space: Mapping[str, Dimension], to: Mapping[str, Any], *, where: str) -> dict[str, Dimension]:
    """``space`` within what ``to`` says of its parameters; those that it does not name stay as they are.

    Parameters
    ----------
    to : by parameter: {low, high} (either may be missing) or a list of choices; null leaves the parameter out of the
        sweep, so that it keeps the value that is configured.

    Raises
    ------
    UserError
        When a parameter is not in the space, or a bound lies outside it.
    """
    for name in to:
        if name not in space:
            raise UserError(f"{where}: '{name}' is not in the search space; {nearest(name, space)}")
    out = {}
    for name, dimension in space.items():
        if name not in to:
            out[name] = dimension
        elif to[name] is not None:
            try:
                out[name] = dimension.narrowed(to[name])
            except UserError as error:
                raise UserError(f"{where}.{name}: {error}") from None
    if not out:
        raise UserError(f"{where}: nothing is left to search")
    return out


def as_json(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """The space as plain values, for digests and records."""
    return {
        name: {"kind": type(of).__name__.lower(), **{k: getattr(of, k) for k in of.__dataclass_fields__}}
        for name, of in sorted(space.items())
    }


def from_json(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Dimension]:
    """The space that :func:`as_json` gave these plain values of."""
    kinds: dict[str, Callable[..., Dimension]] = {"int": Int, "float": Float, "choice": Choice}
    out = {}
    for name, of in values.items():
        given = {k: v for k, v in of.items() if k != "kind"}
        if "values" in given:
            given["values"] = tuple(_frozen(v) for v in given["values"])
        out[name] = kinds[of["kind"]](**given)
    return out


def suggest(trial: BaseTrial, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """A value of each parameter, as it would stand in params.yaml."""
    return {name: of.suggest(trial, name) for name, of in space.items()}


def in_words(dimension: Dimension) -> str:
    """A dimension for people: "2 to 6", "0.001 to 0.1, logarithmic", "one of 32, 64"."""
    if isinstance(dimension, Choice):
        return f"one of {', '.join(json.dumps(value) for value in dimension.values)}"
    return f"{dimension.low} to {dimension.high}{', logarithmic' if dimension.log else ''}"


def outside(space: Mapping[str, Dimension], values: Mapping[str, Any]) -> list[str]:
    """The space's parameters whose values lie outside it."""
    return [name for name, of in space.items() if not of.inside(_plain(values[name]))]


def stored(space: Mapping[str, Dimension], values: Mapping[str, Any]) -> dict[str, Any] | None:
    """``values`` of the space's parameters as Optuna keeps them; None when one of them lies outside."""
    if outside(space, values):
        return None
    return {name: of.stored(_plain(values[name])) for name, of in space.items()}


def _ends(of: Int | Float, to: Any, *, kind: type | tuple[type, ...]) -> tuple[Any, Any]:
    if not isinstance(to, dict) or set(to) - {"low", "high"} or not to:
        raise UserError(f"give {{low: ..., high: ...}} within {of.low:g} to {of.high:g}")
    low, high = to.get("low", of.low), to.get("high", of.high)
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, kind):
            raise UserError(f"{end!r} is no {'whole number' if kind is int else 'number'}")
    if not of.low <= low <= high <= of.high:
        raise UserError(f"{low:g} to {high:g} is not within {of.low:g} to {of.high:g}")
    return low, high


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shown(values: tuple[Any, ...]) -> str:
    return ", ".join(json.dumps(v) for v in values)
