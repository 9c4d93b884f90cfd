"""From raw rows to the canonical table: every raw row ends up in the table or, with a reason, in the rejects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from electrode_bench import params
from electrode_bench.core.rows import records
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, TABLE_COLUMNS, TARGETS, VOLTAGE, table_schema
from electrode_bench.data import chemistry, notation
from electrode_bench.data.readers import REJECT_COLUMNS, UNUSABLE, Raw
from electrode_bench.errors import UserError

#: Numbers that may be missing. A row with text in their place cannot be used.
_OPTIONAL_NUMBERS = ("max_delta_volume", "stability_charge", "stability_discharge")
_UNKNOWN = "unknown"
#: More voltage steps than this are a mistake in the file.
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Prepared:
    """A prepared snapshot.

    Attributes
    ----------
    table : the canonical table (schema.TABLE_COLUMNS), sorted by electrode_id.
    rejects : columns file, line, battery_id, rule, reason, sorted by file and line. ``rule`` is "unusable", or the key
        of ``prepare`` in params.yaml that excluded the row.
    questions : rows of the table with a formula that was read but is probably a slip, such as LiFePo4: columns file,
        line, battery_id, note, sorted by file and line.
    """

    table: pd.DataFrame
    rejects: pd.DataFrame
    questions: pd.DataFrame


class _Unusable(ValueError):
    """The reason why a row cannot be used."""


def prepare(raw: Raw, rules: params.Prepare) -> Prepared:
    """The canonical table of a raw snapshot under ``rules``.

    The order of the raw rows does not matter: repeated ids are numbered in the order of their content.

    Raises
    ------
    UserError
        When no row is left.
    """
    rows, rejects = _usable(raw.frame)
    rejects += records(raw.rejects)
    rows, repeated = _without_repeats(rows)
    rejects += repeated
    rows, ruled_out = _by_rules(rows, rules)
    rejects += ruled_out
    rows, doubled = _with_unique_ids(rows, rules.duplicate_ids)
    rejects += doubled
    rejected = pd.DataFrame(rejects, columns=list(REJECT_COLUMNS))
    rejected = rejected.sort_values(["file", "line"], kind="stable", ignore_index=True).astype({"line": "int64"})
    if not rows:
        first = f"{rejected['file'][0]}, line {rejected['line'][0]}: {rejected['reason'][0]}" if len(rejected) else ""
        raise UserError(
            f"none of the {len(rejected)} rows can be used; the first: {first}; "
            "correct the file, or relax `prepare` in params.yaml"
        )
    return Prepared(table=_table(rows), rejects=rejected, questions=_questions(rows))


def _questions(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    found = [
        (row["file"], int(row["line"]), row[ID], note)
        for row in sorted(rows, key=lambda r: (r["file"], r["line"]))
        for note in dict.fromkeys(n for column in ("formula_charge", FORMULA) for n in notation.read(row[column]).notes)
    ]
    return pd.DataFrame(found, columns=["file", "line", "battery_id", "note"]).astype({"line": "int64"})


# --- values -------------------------------------------------------------------------------------------------------


def _usable(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, rejects = [], []
    for record in records(frame):
        try:
            rows.append(_row(record))
        except (_Unusable, chemistry.FormulaError) as error:
            rejects.append(_reject(record, UNUSABLE, str(error)))
    return rows, rejects


def _reject(row: Mapping[str, Any], rule: str, reason: str) -> dict[str, Any]:
    battery_id = row[ID]
    named = "" if battery_id is None else str(battery_id)
    return {"file": row["file"], "line": int(row["line"]), "battery_id": named, "rule": rule, "reason": reason}


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the canonical table, with its file and line."""
    battery_id = record[ID]
    if not isinstance(battery_id, str) or not battery_id.strip():
        raise _Unusable("the battery id is missing")
    ion = record["working_ion"]
    chemistry.ion_charge(ion)
    discharged, charged = record[FORMULA], record["formula_charge"]
    pair = _named(charged, discharged, ion)
    row: dict[str, Any] = {
        "file": record["file"],
        "line": record["line"],
        ID: battery_id.strip(),
        "working_ion": ion,
        "formula_charge": charged.strip(),
        FORMULA: discharged.strip(),
        "battery_formula": _text(record["battery_formula"]) or chemistry.battery_formula(charged, discharged, ion),
        "framework_formula": _framework(record["framework_formula"], discharged, ion),
        "thermo_type": _text(record["thermo_type"]) or _UNKNOWN,
        "theoretical_capacity_pair": pair,
        "theoretical_capacity_full": chemistry.full_capacity(discharged, ion),
    }
    for name, column in TARGETS.items():
        value = _number(record[name], column.label)
        if value is None:
            raise _Unusable(f"{column.label} is missing")
        if name != VOLTAGE.key and value <= 0:
            raise _Unusable(f"{column.label} is {value:g} {column.unit}, not above 0")
        row[name] = value
    for name in _OPTIONAL_NUMBERS:
        value = _number(record[name], TABLE_COLUMNS[name].label)
        row[name] = math.nan if value is None else value
    row["steps"] = _steps(record["steps"])
    return row


def _named(charged: Any, discharged: Any, ion: str) -> float:
    """The pair's Faraday capacity. The error for a formula that cannot be parsed says which of the two it is."""
    for which, formula in (("charged", charged), ("discharged", discharged)):
        try:
            chemistry.parse(formula)
        except chemistry.FormulaError as error:
            raise _Unusable(f"{which}: {error}") from error
    return chemistry.pair_capacity(charged, discharged, ion)


def _framework(given: Any, discharged: str, ion: str) -> str:
    if _text(given):
        try:
            return chemistry.canonical(given)
        except chemistry.FormulaError as error:
            raise _Unusable(f"framework: {error}") from error
    return chemistry.reduced(chemistry.framework(chemistry.parse(discharged), ion))


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: Any, label: str) -> float | None:
    """``value`` as a finite number; None where it is missing."""
    if value is None or value == "":
        return None
    try:
        # In Python, bool is an int, and float() accepts "1_000".
        if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _Unusable(f"{label} is no number: {_shown(value)}") from None
    if not math.isfinite(number):
        raise _Unusable(f"{label} is not finite: {value!r}")
    return number


def _shown(value: Any) -> str:
    """``value`` as a message shows it; Python refuses to write out a whole number of thousands of digits."""
    try:
        text = repr(value)
    except ValueError:
        return "a whole number too large to show"
    return text if len(text) <= 60 else f"{text[:60]}..."


def _steps(value: Any) -> int | None:
    number = _number(value, TABLE_COLUMNS["steps"].label)
    if number is None:
        return None
    if not 1 <= number <= MOST_STEPS or number != int(number):
        raise _Unusable(f"{TABLE_COLUMNS['steps'].label} is {value!r}, not a whole number from 1")
    return int(number)


# --- repeats and rules --------------------------------------------------------------------------------------------


def _content(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What decides whether two rows are the same, and their order: every value, but not the place in the file."""
    return tuple(repr(row[name]) for name in TABLE_COLUMNS)


def _without_repeats(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows without exact repeats of another; the first one in the files is kept."""
    first: dict[tuple[str, ...], dict[str, Any]] = {}
    rejects = []
    for row in sorted(rows, key=lambda r: (r["file"], r["line"])):
        kept = first.setdefault(_content(row), row)
        if kept is not row:
            where = "" if kept["file"] == row["file"] else f" of {kept['file']}"
            rejects.append(_reject(row, UNUSABLE, f"repeats line {kept['line']}{where}"))
    return list(first.values()), rejects


def _by_rules(
    rows: Sequence[dict[str, Any]], rules: params.Prepare
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    kept, rejects = [], []
    for row in rows:
        broken = _broken_rule(row, rules)
        if broken is None:
            kept.append(row)
        else:
            rejects.append(_reject(row, *broken))
    return kept, rejects


def _broken_rule(row: Mapping[str, Any], rules: params.Prepare) -> tuple[str, str] | None:
    """The first rule that a row breaks, and how."""
    if rules.thermo_types is not None and row["thermo_type"] not in rules.thermo_types:
        return "thermo_types", f"thermo type {row['thermo_type']} is not among {', '.join(rules.thermo_types)}"
    if rules.max_steps is not None and row["steps"] is not None and row["steps"] > rules.max_steps:
        return "max_steps", f"{row['steps']} voltage steps are more than {rules.max_steps}"
    for name, (low, high) in (rules.ranges or {}).items():
        value, column = row[name], TARGETS[name]
        if (low is not None and value < low) or (high is not None and value > high):
            span = f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'}"
            return "ranges", f"{column.label} {value:g} {column.unit} is outside {span.strip()}"
    return None


def _with_unique_ids(rows: Sequence[dict[str, Any]], rule: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=_content):
        groups.setdefault(row[ID], []).append(row)
    kept: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for battery_id, group in groups.items():
        if len(group) == 1 or rule == "first":
            kept.append(group[0])
            rejects += [
                _reject(row, "duplicate_ids", f"has the battery id of line {group[0]['line']}, with other content")
                for row in group[1:]
            ]
        elif rule == "reject":
            rejects += [_reject(row, "duplicate_ids", f"the battery id stands {len(group)} times") for row in group]
        else:
            kept += _numbered(battery_id, group, taken=groups.keys())
    return kept, rejects


def _numbered(battery_id: str, group: Sequence[dict[str, Any]], *, taken: Any) -> list[dict[str, Any]]:
    """``group`` with the ids id, id~2, id~3, ..., without those that other rows have."""
    numbered, number = [group[0]], 1
    for row in group[1:]:
        number += 1
        while f"{battery_id}~{number}" in taken:
            number += 1
        numbered.append({**row, ID: f"{battery_id}~{number}"})
    return numbered


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows)[list(TABLE_COLUMNS)].sort_values(ID, ignore_index=True)
    floats = [*TARGETS, *_OPTIONAL_NUMBERS, "theoretical_capacity_pair", "theoretical_capacity_full"]
    table = table.astype({**dict.fromkeys(floats, "float64"), "steps": "Int64"})
    return table_schema().validate(table)


def departs_from_faraday(table: pd.DataFrame, *, tolerance: float = 0.01) -> pd.Series:
    """Rows whose given gravimetric capacity differs from its pair's Faraday capacity by more than ``tolerance``."""
    pair = table["theoretical_capacity_pair"]
    return ((table[GRAVIMETRIC.key] - pair).abs() > tolerance * pair).rename("departs_from_faraday")
