"""Columns of raw tables: how each layout names them, which must be there, and in which units they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, VOLTAGE, VOLUMETRIC
from electrode_bench.data.notation.refusals import shown
from electrode_bench.data.readers.base import REQUIRED
from electrode_bench.data.readers.suggestions import suggestion, with_unit_of
from electrode_bench.data.units import Conversion, UnitError, conversion
from electrode_bench.errors import UserError

#: Names of the columns of a layout, by raw column.
Layout = Mapping[str, str]

#: The Battery Explorer's CSV export.
EXPLORER: Layout = MappingProxyType(
    {
        ID: "Battery ID",
        "battery_formula": "Battery Formula",
        "working_ion": "Working Ion",
        "formula_charge": "Formula Charge",
        FORMULA: "Formula Discharge",
        GRAVIMETRIC.key: "Gravimetric Capacity",
        VOLUMETRIC.key: "Volumetric Capacity",
        VOLTAGE.key: "Average Voltage",
        "max_delta_volume": "Max Delta Volume",
        "stability_charge": "Stability Charge",
        "stability_discharge": "Stability Discharge",
        "steps": "Steps",
    }
)

#: Fields of InsertionElectrodeDoc; the older CSV has the same names.
DOCUMENT: Layout = MappingProxyType(
    {
        ID: "battery_id",
        "battery_formula": "battery_formula",
        "working_ion": "working_ion",
        "formula_charge": "formula_charge",
        FORMULA: "formula_discharge",
        "framework_formula": "framework_formula",
        GRAVIMETRIC.key: "capacity_grav",
        VOLUMETRIC.key: "capacity_vol",
        VOLTAGE.key: "average_voltage",
        "max_delta_volume": "max_delta_volume",
        "stability_charge": "stability_charge",
        "stability_discharge": "stability_discharge",
        "thermo_type": "thermo_type",
        "steps": "num_steps",
        "licence": "license",
    }
)

#: The raw column that a name of either layout means. Tables made from documents also say "steps".
_MEANT: Mapping[str, str] = MappingProxyType(
    {name: raw for layout in (EXPLORER, DOCUMENT) for raw, name in layout.items()} | {"steps": "steps"}
)

#: A name with its unit in brackets, or after a slash, as in "Average Voltage / V".
_WITH_UNIT = re.compile(r"(.*?)\s*(?:\((.*)\)|\[(.*)\]|\s/\s(.*))\s*", flags=re.DOTALL)


@dataclass(frozen=True)
class Columns:
    """Where the raw columns of a table are, and how their values are converted, both by raw column."""

    positions: Mapping[str, int]
    conversions: Mapping[str, Conversion]


def named(header: str) -> tuple[str, str | None]:
    """The name and the unit of a header; the unit is None where it has none.

    >>> named("average_voltage (mV)"), named("Average Voltage / V"), named("notes (mine)")
    (('average_voltage', 'mV'), ('Average Voltage', 'V'), ('notes (mine)', None))
    """
    plain = " ".join(header.split())
    match = _WITH_UNIT.fullmatch(plain) if any(mark in plain for mark in "([/") else None
    if plain in _MEANT or match is None or match[1] not in _MEANT:
        return plain, None
    return match[1], next(unit for unit in match.groups()[1:] if unit is not None)


def matching(header: Iterable[str], layout: Layout) -> int:
    """How many columns of a layout a table's header has."""
    return len(set(layout.values()) & {named(h)[0] for h in header})


class Search:
    """Finds the raw columns among names that come one by one.

    Attributes
    ----------
    found : the name of each raw column, as the file has it.
    conversions : of the units in these names, by raw column.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[str, str] = {}
        self.conversions: dict[str, Conversion] = {}

    def add(self, written: str) -> str | None:
        """The raw column that a name means, if any.

        Raises
        ------
        UserError
            When another name means the same column, or its unit cannot be read or converted.
        """
        name, unit = named(written)
        column = _MEANT.get(name)
        if column is None:
            return None
        if column in self.found:
            first = self.found[column]
            if name == named(first)[0]:
                raise UserError(f"{self._path}: the column '{name}' occurs twice; keep one")
            raise UserError(
                f"{self._path}: the columns '{shown(first)}' and '{shown(written)}' are the same quantity; keep one"
            )
        self.found[column] = written
        try:
            made = conversion(column, written, unit) if unit is not None else None
        except UnitError as error:
            raise UserError(f"{self._path}: the column '{shown(written)}' {error}") from None
        if made is not None:
            self.conversions[column] = made
        return column

    def check(self, header: Sequence[str], layout: Layout) -> None:
        """Raise a UserError when a required column is not among the names of ``header``."""
        missing = [column for column in REQUIRED if column not in self.found]
        if missing:
            raise UserError(f"{self._path}: {_about(missing, header, layout)}")


def locate(header: Sequence[str], layout: Layout, path: Path) -> Columns:
    """The raw columns of a table with a header.

    A table may mix the names of both layouts; ``layout`` is the one that messages refer to.

    Raises
    ------
    UserError
        When a required column is missing, a column occurs twice, or its unit cannot be read or converted.
    """
    search = Search(path)
    positions = {}
    for position, written in enumerate(header):
        column = search.add(written)
        if column is not None:
            positions[column] = position
    search.check(header, layout)
    return Columns(positions, search.conversions)


def _about(missing: Sequence[str], header: Sequence[str], layout: Layout) -> str:
    """What is missing, and which columns are meant by it, if that is clear."""
    others = [written for written in header if named(written)[0] not in _MEANT]
    names = [f"'{layout[column]}'" for column in missing]
    text = f"the column {names[0]} is missing"
    if len(names) > 1:
        text = f"the columns {', '.join(names[:-1])} and {names[-1]} are missing"
    meant = [(column, suggestion(column, layout[column], others)) for column in missing]
    renamed = [
        f"'{shown(other)}' to '{shown(with_unit_of(layout[column], other))}'"
        for column, other in meant
        if other is not None
    ]
    if renamed:
        return f"{text}; if it is the same quantity, rename {' and '.join(renamed)}"
    return f"{text}, and no other column is named like {'it' if len(names) == 1 else 'them'}; add it to the table"
