"""One raw row in the types and units of the canonical table, or the reason why it cannot be used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from electrode_bench.core.schema import FORMULA, ID, TABLE_COLUMNS, TARGETS, VOLTAGE
from electrode_bench.data import chemistry
from electrode_bench.data.units import Conversion

#: Numbers that may be missing. A row with text in their place cannot be used.
OPTIONAL_NUMBERS = ("max_delta_volume", "stability_charge", "stability_discharge")
#: Where a document states none; those of the Materials Project have not stated any since 2025-09.
UNKNOWN_THERMO_TYPE = "unknown"
#: More voltage steps than this are a mistake in the file.
MOST_STEPS = 10_000
#: Numbers beyond this are no quantity of an electrode, and their squares and ratios would overflow.
LARGEST = 1e6
#: A capacity below this (mAh/g or mAh/cm3) is none.
SMALLEST_CAPACITY = 1e-3
#: What stands for "no value" in tables, beside an empty cell and NaN.
_MISSING = frozenset({"", "-", ".", "na", "n/a", "nan", "<na>", "#n/a", "none", "null", "nothing", "missing"})
#: The last element of the shortest table of elemental properties, that of the study's features.
_LAST_ELEMENT = "Bk"


class Unusable(ValueError):
    """The reason why a row cannot be used."""


def values(record: Mapping[str, Any], conversions: Mapping[str, Conversion]) -> dict[str, Any]:
    """One row of the canonical table, with its file, its line and the licence that it states.

    Parameters
    ----------
    record : a row of a raw snapshot.
    conversions : how values are converted, by raw column.

    Raises
    ------
    Unusable, chemistry.FormulaError
        When the row cannot be used; the message is the reason.
    """
    battery_id, ion = _id(record[ID]), _ion(record["working_ion"])
    discharged, charged = record[FORMULA], record["formula_charge"]
    pair = _named(charged, discharged, ion)
    row: dict[str, Any] = {
        "file": record["file"],
        "line": record["line"],
        ID: battery_id,
        "working_ion": ion,
        "formula_charge": charged.strip(),
        FORMULA: discharged.strip(),
        "battery_formula": _text(record["battery_formula"]) or chemistry.battery_formula(charged, discharged, ion),
        "framework_formula": _framework(record["framework_formula"], discharged, ion),
        "thermo_type": _text(record["thermo_type"]) or UNKNOWN_THERMO_TYPE,
        "licence": record["licence"],
        "theoretical_capacity_pair": pair,
        "theoretical_capacity_full": chemistry.full_capacity(discharged, ion),
    }
    for name, column in TARGETS.items():
        value = _converted(record, name, ion, conversions)
        if value is None:
            raise Unusable(f"{column.label} is missing")
        if name != VOLTAGE.key and value <= 0:
            raise Unusable(f"{column.label} is {value:g} {column.unit}, not above 0")
        if name != VOLTAGE.key and value < SMALLEST_CAPACITY:
            raise Unusable(f"{column.label} is {value:g} {column.unit}, which is too small for an electrode")
        row[name] = value
    for name in OPTIONAL_NUMBERS:
        value = _converted(record, name, ion, conversions)
        row[name] = math.nan if value is None else value
    row["steps"] = _steps(record["steps"])
    return row


def _id(value: Any) -> str:
    """A battery id as text: databases and numbered tables have whole numbers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # pandas makes floats of whole numbers where some are missing
    if isinstance(value, int) and not isinstance(value, bool):
        value = shown(value)
    text = _text(value)
    if not text:
        raise Unusable("the battery id is missing")
    if not text.isprintable():
        raise Unusable(f"the battery id holds a line break or control character: {shown(text)}")
    return text


def _ion(value: Any) -> str:
    if isinstance(value, Mapping):
        raise Unusable(f"the working ion is an object, not the symbol of an element: {shown(dict(value))}")
    ion = value.strip() if isinstance(value, str) else value
    chemistry.ion_charge(ion)
    return str(ion)


def _named(charged: Any, discharged: Any, ion: str) -> float:
    """The pair's Faraday capacity. The error for a formula that cannot be used says which of the two it is."""
    for which, formula in (("charged", charged), ("discharged", discharged)):
        try:
            amounts = chemistry.parse(formula)
        except chemistry.FormulaError as error:
            raise Unusable(f"{which}: {error}") from error
        for element in amounts:
            if not _has_properties(element):
                raise Unusable(
                    f"{which}: {element} in '{formula}' has no known properties (tables end at {_LAST_ELEMENT})"
                )
    return chemistry.pair_capacity(charged, discharged, ion)


@cache
def _has_properties(element: str) -> bool:
    from pymatgen.core import Element

    return bool(Element(element).Z <= Element(_LAST_ELEMENT).Z)


def _framework(given: Any, discharged: str, ion: str) -> str:
    if _text(given):
        try:
            return chemistry.canonical(_text(given))
        except chemistry.FormulaError as error:
            raise Unusable(f"framework: {error}") from error
    return chemistry.reduced(chemistry.framework(chemistry.parse(discharged), ion))


def _text(value: Any) -> str:
    """Text without blanks around it; empty where it is missing."""
    text = value.strip() if isinstance(value, str) else ""
    return "" if text.lower() in _MISSING else text


def _converted(record: Mapping[str, Any], name: str, ion: str, conversions: Mapping[str, Conversion]) -> float | None:
    """A number in the unit of the table; None where it is missing."""
    label = TABLE_COLUMNS[name].label
    value, conversion = _number(record[name], label), conversions.get(name)
    if value is None:
        return None
    if conversion is not None:
        if conversion.reference not in (None, ion):
            raise Unusable(f"{label} is against {conversion.reference}, not against {ion}: '{conversion.header}'")
        value *= conversion.factor
    if abs(value) > LARGEST:
        raise Unusable(f"{label} is {value:g}, beyond any electrode's")
    return value


def _number(value: Any, label: str) -> float | None:
    """``value`` as a finite number; None where it is missing."""
    if chemistry.is_missing(value) or value is pd.NA or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return None
    try:
        # In Python, bool is an int, and float() accepts "1_000".
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Unusable(f"{label} is no number: {shown(value)}{_advice(value)}") from None
    if not math.isfinite(number):
        raise Unusable(f"{label} is not finite: {shown(value)}")
    return number


def _advice(value: Any) -> str:
    """What to do about a text in place of a number."""
    if not isinstance(value, str):
        return ""
    if re.fullmatch(r"\s*[+-]?[\d.]+\s*[A-Za-z%µ][^,;]*", value):
        return "; write the unit into the header"
    if re.fullmatch(r"\s*[+-]?\d{1,3}(?:[ ,.'\u00a0\u202f]\d{3})+(?:[.,]\d+)?\s*", value):
        return "; write it without separators of thousands"
    if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", value):
        return "; write it with a point, or separate the columns by semicolons"
    return ""


def shown(value: Any, *, plain: bool = False) -> str:
    """``value`` as a message shows it; Python refuses to write out a whole number of thousands of digits."""
    try:
        text = str(value) if plain else repr(value)
    except ValueError:
        return "a whole number too large to show"
    return text if len(text) <= 60 else f"{text[:60]}..."


def _steps(value: Any) -> int | None:
    number = _number(value, TABLE_COLUMNS["steps"].label)
    if number is None:
        return None
    if not 1 <= number <= MOST_STEPS or number != int(number):
        raise Unusable(f"{TABLE_COLUMNS['steps'].label} is {shown(value)}, not a whole number from 1")
    return int(number)
