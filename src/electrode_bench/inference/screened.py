"""The options and the result of a screening."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, Column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError, nearest

ENERGY = Column("energy", "Specific energy", "Wh/kg")
ENERGY_DENSITY = Column("energy_density", "Energy density", "Wh/L")

#: What candidates can be ranked by; larger is better. Energies are those of a cathode against the pure metal of the
#: working ion.
OBJECTIVES: Mapping[str, Column] = MappingProxyType(
    {column.key: column for column in (ENERGY, ENERGY_DENSITY, *TARGETS.values())}
)

#: What the order of the candidates is, for people.
RANKS: Mapping[str, str] = MappingProxyType(
    {
        "lower": "lower end of the prediction interval",
        "value": "predicted value",
        "probability": "probability of exceeding the goal",
    }
)

#: Below this predicted voltage (V) a compound is used as an anode rather than as a cathode.
ANODE_VOLTAGE = 1.0


def low(name: str) -> str:
    """The column of the lower end of an interval."""
    return f"{name}_low"


def high(name: str) -> str:
    """The column of the upper end of an interval."""
    return f"{name}_high"


#: The columns of a result, in order; the user's own columns follow.
COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        c.key: c
        for c in (
            Column("rank", "Rank"),
            Column("score", "What the candidates are ordered by"),
            Column("line", "Line"),
            Column("duplicate_of", "Repeats the composition and ion of line"),
            Column("formula", "Formula"),
            Column("working_ion", "Working ion"),
            *(
                column
                for quantity in (*TARGETS.values(), ENERGY, ENERGY_DENSITY)
                for column in (
                    quantity,
                    Column(low(quantity.key), f"{quantity.label}, lower end of the interval", quantity.unit),
                    Column(high(quantity.key), f"{quantity.label}, upper end of the interval", quantity.unit),
                )
            ),
            Column("probability", "Probability of exceeding the goal", "probability"),
            Column("theoretical_capacity", "Faraday capacity of full extraction", GRAVIMETRIC.unit),
            Column("above_limit", "Whether the predicted capacity is above it"),
            Column("nearest", "Nearest known composition"),
            Column("nearest_distance", "Distance to it (ElMD)"),
            Column("in_domain", "Whether the candidate is within the applicability domain"),
            Column("on_front", "Whether the candidate is on the Pareto front"),
            Column("notes", "What to know about the candidate"),
        )
    }
)


@dataclass(frozen=True)
class Options:
    """How candidates are ranked, and which ones are kept.

    Parameters
    ----------
    objective : a key of :data:`OBJECTIVES`.
    rank : a key of :data:`RANKS`.
    goal : in the unit of the objective; needed to rank by probability.
    top : how many candidates are kept, besides those on the Pareto front.
    window : lowest and highest predicted voltage (V) of candidates that are kept; None keeps all.
    ion : the working ion of formulas that contain several candidates and name none.
    in_domain : keep only candidates within the applicability domain.
    """

    objective: str = ENERGY.key
    rank: str = "lower"
    goal: float | None = None
    top: int = 50
    window: tuple[float, float] | None = None
    ion: str | None = None
    in_domain: bool = False

    def check(self) -> None:
        """Raise a UserError for an option that cannot be used."""
        if self.objective not in OBJECTIVES:
            raise UserError(f"unknown objective '{self.objective}'; {nearest(self.objective, OBJECTIVES)}")
        if self.rank not in RANKS:
            raise UserError(f"unknown rank '{self.rank}'; {nearest(self.rank, RANKS)}")
        if self.rank == "probability" and self.goal is None:
            unit = OBJECTIVES[self.objective].unit
            raise UserError(f"a ranking by probability needs a goal in {unit}, for example: --goal 500")
        if self.top < 1:
            raise UserError(f"top is {self.top}; keep at least one candidate")
        if self.ion is not None:
            try:
                chemistry.ion_charge(self.ion)
            except chemistry.FormulaError as error:
                raise UserError(str(error)) from error
        if self.window is not None and not self.window[0] < self.window[1]:
            raise UserError(
                f"the window {self.window[0]:g} to {self.window[1]:g} V is empty; give the lower voltage first"
            )

    @property
    def ordered_by(self) -> str:
        """What the candidates are ordered by, for people."""
        objective = OBJECTIVES[self.objective]
        if self.rank == "probability":
            return f"probability that the {_lower_first(objective.label)} is above {self.goal:g} {objective.unit}"
        return f"{objective.title}, {RANKS[self.rank]}"

    @property
    def front(self) -> str:
        """What the Pareto front optimises, for people."""
        energy = f"most {_lower_first(ENERGY.label)} ({'predicted value' if self.rank == 'value' else RANKS['lower']})"
        return f"{energy} at the lowest {_lower_first(VOLTAGE.label)}, from {ANODE_VOLTAGE:g} V"


@dataclass
class Screened:
    """The result of a screening.

    Attributes
    ----------
    best : the candidates that are among the best or on the Pareto front, best first, each followed by the lines that
        repeat it. The columns are those of :data:`COLUMNS`, then the user's own columns. ``rank`` is missing for a
        candidate that is on the front only, and for a line that repeats another one, whose number ``duplicate_of``
        holds. Intervals are missing where none is justified. Energies use no more capacity than Faraday's law allows;
        the capacities themselves are as predicted.
    read : lines with a candidate.
    rejected : lines that cannot be used.
    duplicates : lines that repeat a composition and ion of an earlier line.
    filtered : distinct candidates whose predicted voltage is outside the window.
    outside_domain : distinct candidates that ``in_domain`` left out.
    level : of the intervals that are shown.
    """

    best: pd.DataFrame
    options: Options = field(default_factory=Options)
    read: int = 0
    rejected: int = 0
    duplicates: int = 0
    filtered: int = 0
    outside_domain: int = 0
    level: float = 0.9

    @property
    def kept(self) -> int:
        """How many distinct candidates are in ``best``."""
        return int(self.best["duplicate_of"].isna().sum()) if len(self.best) else 0


def _lower_first(label: str) -> str:
    return label[0].lower() + label[1:]
