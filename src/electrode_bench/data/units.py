"""Units as people write them in the header of a table, and how values are converted to the units of our table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from electrode_bench.core.schema import ION_CHARGE, TABLE_COLUMNS, VOLTAGE
from electrode_bench.data.notation.refusals import shown

if TYPE_CHECKING:
    from pint import UnitRegistry

#: The units that values are converted to, by raw column. Other columns have no unit.
UNITS: Mapping[str, str] = MappingProxyType(
    {
        name: TABLE_COLUMNS[name].unit
        for name in TABLE_COLUMNS
        if TABLE_COLUMNS[name].unit and not name.startswith("theoretical_")
    }
)

#: Longer text is no unit. It also keeps the parser's work small.
_LONGEST = 60

#: Ways to say that a number is a plain fraction.
_PLAIN = frozenset({"", "-", "1", "fraction", "dimensionless", "unitless"})

#: The electrode that a voltage is measured against: "V vs. Na/Na+", "V (vs Li+/Li)", "V vs Mg".
_REFERENCE = re.compile(r"(.*?)[\s,(]*\b(?:vs|versus|against)\b\.?\s*(.*?)[\s)]*", flags=re.IGNORECASE)

#: A unit with its exponent: "g-1", "cm^{-3}", "cm3", "cm^(-3)".
_EXPONENT = re.compile(r"(?<=[A-Za-z])\s*(?:\^|\*\*)?\s*([{(])?\s*([+-]?[1-9])\s*(?(1)[})])(?![0-9.A-Za-z])")

#: What is left of a unit when its exponents are written out. Numbers have no place in it, and neither has a minus.
_GRAMMAR = re.compile(r"(?:[A-Za-zµΩ%°]+(?:\*\*[+-]?[1-9])?|[*/()\s])+")


class UnitError(ValueError):
    """A unit that cannot be read or converted; the message is the end of a sentence about the column."""


@dataclass(frozen=True)
class Conversion:
    """How the values of one column become those of the table.

    Attributes
    ----------
    column : the raw column.
    header : the column's name as the file has it.
    unit : its unit as the file has it.
    to : the unit of the table.
    factor : a value in ``to`` is the value in ``unit`` times this.
    reference : the metal that a voltage is measured against, where the file names one. It holds only for electrodes
        of this working ion: their voltages are against their own metal.
    """

    column: str
    header: str
    unit: str
    to: str
    factor: float = 1.0
    reference: str | None = None

    def __str__(self) -> str:
        text = f"'{shown(self.header)}': {self.unit} was converted to {self.to} (times {self.factor:.6g})"
        if self.factor == 1.0:
            text = f"'{shown(self.header)}'"
        if self.reference:
            text += (
                f": voltages against {self.reference} are read for the working ion {self.reference} only, because the "
                "table has them against the metal of each ion; if these are, take the reference out of the header"
            )
        return text


def conversion(column: str, header: str, unit: str) -> Conversion | None:
    """The conversion of a raw column whose header names ``unit``; None where values stay as they are.

    >>> conversion("average_voltage", "average_voltage (mV)", "mV").factor
    0.001
    >>> conversion("gravimetric_capacity", "Gravimetric Capacity (mAh g-1)", "mAh g-1") is None
    True

    Raises
    ------
    UnitError
        When the unit cannot be read, or cannot be converted.
    """
    wanted = UNITS.get(column)
    if wanted is None:
        return None
    text, reference = _without_reference(column, unit)
    factor = _factor(text, wanted)
    if factor == 1.0 and reference is None:
        return None
    return Conversion(column, header, unit, wanted, factor, reference)


def _without_reference(column: str, unit: str) -> tuple[str, str | None]:
    """The unit, and the metal that it is against."""
    match = _REFERENCE.fullmatch(unit.strip()) if column == VOLTAGE.key else None
    if match is None:
        return unit, None
    couple = unicodedata.normalize("NFKC", match[2])
    symbols = set(re.findall(r"[A-Z][a-z]?", couple))
    if len(symbols) != 1 or not symbols <= set(ION_CHARGE) or not re.fullmatch(r"[A-Za-z0-9+/|\s^()−]+", couple):
        raise UnitError(
            f"is against '{shown(match[2])}', which cannot be converted; give it against the metal of the working ion"
        )
    return match[1], symbols.pop()


def _factor(unit: str, wanted: str) -> float:
    """A value in ``wanted`` is the value in ``unit`` times this."""
    if wanted == "fraction" and unit.strip().casefold() in _PLAIN:
        return 1.0
    refused = UnitError(f"is in '{shown(unit)}', which cannot be converted to {wanted}; give it in {wanted}")
    try:
        # To 12 digits: Ah/L is mAh/cm3, whatever the last digit of the product is.
        return float(f"{_registry().convert(1.0, _expression(unit), _expression(wanted)):.12g}")
    except Exception:  # pint lets errors of the tokenizer through, too
        raise refused from None


def _expression(unit: str) -> str:
    """A unit in the form that pint reads: "mAh g-1" is "mAh g**-1"."""
    text = unicodedata.normalize("NFKC", unit).translate(str.maketrans("−–⋅·∙×μ", "--****µ", "$")).strip()
    text = re.sub(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z])", "*", text)
    text = _EXPONENT.sub(r"**\2", text)
    if len(text) > _LONGEST or not _GRAMMAR.fullmatch(text):
        raise ValueError(f"no unit: {unit}")
    return text.replace("%", "percent")


@cache
def _registry() -> UnitRegistry[Any]:
    # Loading pint takes a third of a second, which only a table with units in its header needs.
    import pint

    registry: UnitRegistry[Any] = pint.UnitRegistry()
    for definition in ("atom = [atom]", "fraction = []", "pct = percent"):
        registry.define(definition)
    return registry
