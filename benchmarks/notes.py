"""What people write about speed: the targets, and the ideas that were tried (targets.toml and ideas.toml).

The numbers that were reached come from the file of results where the benchmark measures them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import model_validator

from benchmarks.results import Results
from electrode_bench.core.config import Strict, validate

T = TypeVar("T", bound=Strict)

TARGETS, IDEAS = (Path(__file__).with_name(f"{name}.toml") for name in ("targets", "ideas"))


class Value(Strict):
    """A number in the file of results: the column of the first row of a part that has the values of ``where``."""

    part: str
    column: str
    where: Mapping[str, Any] = MappingProxyType({})

    def of(self, results: Results) -> float | None:
        """The number; None when it was not measured, or only in small sizes."""
        if results.parts.get(self.part, {}).get("quick"):
            return None
        return results.value(self.part, self.column, **self.where)


class Measured(Strict):
    """A measured quantity and what was wanted of it.

    Parameters
    ----------
    value : the number, or the numerator of a ratio.
    plus : is added to the value.
    over : the denominator.
    unit : ``s``, ``MB``, ``%`` (of a share from 0 to 1), or words that follow the number.
    at_most, at_least : what was wanted; one of them.
    """

    value: Value
    plus: Value | None = None
    over: Value | None = None
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Measured:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("give at_most or at_least")
        return self

    def of(self, results: Results) -> float | None:
        """What was reached; None when it was not measured."""
        value, plus, over = (None if one is None else one.of(results) for one in (self.value, self.plus, self.over))
        if value is None or (self.plus is not None and plus is None) or (self.over is not None and not over):
            return None
        value += plus or 0.0
        return value / over if over else value

    def met(self, reached: float) -> bool:
        """Whether this is what was wanted."""
        return reached <= self.at_most if self.at_most is not None else reached >= (self.at_least or 0.0)


class Target(Strict):
    """What was wanted of one thing, what it was before, and the command that measures it.

    Parameters
    ----------
    reached : in words, where the benchmark does not measure it; it is shown beside what is measured.
    """

    what: str
    before: str
    target: str
    command: str
    measured: tuple[Measured, ...] = ()
    reached: str = ""
    met: bool | None = None

    @model_validator(mode="after")
    def _something_reached(self) -> Target:
        if not self.measured and not self.reached:
            raise ValueError(f"{self.what}: give measured, or reached in words")
        return self


class Idea(Strict):
    """An idea that was tried: what it changed, in numbers, whether it was kept, and why or why not."""

    what: str
    number: str
    kept: bool
    why: str = ""
    command: str


class _Targets(Strict):
    target: tuple[Target, ...] = ()


class _Ideas(Strict):
    idea: tuple[Idea, ...] = ()


def targets(path: Path = TARGETS) -> tuple[Target, ...]:
    """The targets in a file.

    Raises
    ------
    UserError
        When a key is unknown or a value is missing.
    """
    return _read(path, _Targets).target


def ideas(path: Path = IDEAS) -> tuple[Idea, ...]:
    """The ideas in a file; errors as :func:`targets`."""
    return _read(path, _Ideas).idea


def _read(path: Path, kind: type[T]) -> T:
    return validate(kind, tomllib.loads(path.read_text(encoding="utf-8")), where=path.name)
