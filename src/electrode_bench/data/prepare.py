"""From raw rows to the canonical table: every raw row is in the table, alone or merged, or in the rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from electrode_bench import params
from electrode_bench.core.rows import records
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, TABLE_COLUMNS, TARGETS, table_schema
from electrode_bench.data import chemistry, licences, notation, steps
from electrode_bench.data.readers import REJECT_COLUMNS, UNUSABLE, Raw
from electrode_bench.data.steps import NONE, Steps
from electrode_bench.data.units import Conversion
from electrode_bench.data.values import OPTIONAL_NUMBERS, UNKNOWN_THERMO_TYPE, Unusable, shown, values
from electrode_bench.errors import UserError


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
    licences : the number of electrodes of the table by licence; empty where no document states one.
    steps : which rows are voltage steps, merged into one row for each electrode.
    """

    table: pd.DataFrame
    rejects: pd.DataFrame
    questions: pd.DataFrame
    licences: Mapping[str, int] = field(default_factory=dict)
    steps: Steps = NONE


class NothingUsable(UserError):
    """No row of a snapshot can be used.

    Attributes
    ----------
    rejects : as those of :class:`Prepared`.
    first : the place and the reason of the first one.
    """

    def __init__(self, rejects: pd.DataFrame) -> None:
        self.rejects = rejects
        row = rejects.iloc[0]
        self.first = f"{row['file']}, line {row['line']}: {row['reason']}"
        super().__init__(
            f"none of the {len(rejects)} rows can be used; the first: {self.first}; "
            "correct the file, or relax `prepare` in params.yaml"
        )


def prepare(raw: Raw, rules: params.Prepare) -> Prepared:
    """The canonical table of a raw snapshot under ``rules``.

    Rows that are voltage steps of one electrode are merged first (:func:`electrode_bench.data.steps.merge`), so that
    the rules judge electrodes. The order of the raw rows does not matter: repeated ids are numbered in the order of
    their content.

    Raises
    ------
    NothingUsable
        When no row is left.
    """
    rows, rejects = _usable(raw.frame, raw.conversions)
    rejects += records(raw.rejects)
    incomplete = {str(row["battery_id"]).strip() for row in rejects}
    rows, repeated = _without_repeats(rows)
    rejects += repeated
    rows, merged = steps.merge(rows, incomplete=incomplete)
    rows, ruled_out = _by_rules(rows, rules)
    rejects += ruled_out
    rows, doubled = _with_unique_ids(rows, rules.duplicate_ids)
    rejects += doubled
    rejected = pd.DataFrame(rejects, columns=list(REJECT_COLUMNS))
    rejected = rejected.sort_values(["file", "line"], kind="stable", ignore_index=True).astype({"line": "int64"})
    if not rows:
        raise NothingUsable(rejected)
    stated = licences.counted(row["licence"] for row in rows)
    return Prepared(_table(rows), rejects=rejected, questions=_questions(rows), licences=stated, steps=merged)


def _questions(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    found = [
        (row["file"], int(row["line"]), row[ID], note)
        for row in sorted(rows, key=lambda r: (r["file"], r["line"]))
        for note in dict.fromkeys(n for column in ("formula_charge", FORMULA) for n in notation.read(row[column]).notes)
    ]
    return pd.DataFrame(found, columns=["file", "line", "battery_id", "note"]).astype({"line": "int64"})


def _usable(
    frame: pd.DataFrame, conversions: Mapping[str, Conversion]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, rejects = [], []
    for record in records(frame):
        try:
            rows.append(values(record, conversions))
        except (Unusable, chemistry.FormulaError) as error:
            rejects.append(_reject(record, UNUSABLE, str(error)))
    return rows, rejects


def _reject(row: Mapping[str, Any], rule: str, reason: str) -> dict[str, Any]:
    battery_id = row[ID]
    named = "" if battery_id is None else shown(battery_id, plain=True)
    return {"file": row["file"], "line": int(row["line"]), "battery_id": named, "rule": rule, "reason": reason}


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
        chosen = ", ".join(rules.thermo_types)
        if row["thermo_type"] == UNKNOWN_THERMO_TYPE:
            return "thermo_types", f"the thermo type is not stated, and prepare.thermo_types keeps {chosen} only"
        return "thermo_types", f"thermo type {row['thermo_type']} is not among {chosen}"
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
    floats = [*TARGETS, *OPTIONAL_NUMBERS, "theoretical_capacity_pair", "theoretical_capacity_full"]
    table = table.astype({**dict.fromkeys(floats, "float64"), "steps": "Int64"})
    return table_schema().validate(table)


def departs_from_faraday(table: pd.DataFrame, *, tolerance: float = 0.01) -> pd.Series:
    """Rows whose given gravimetric capacity differs from its pair's Faraday capacity by more than ``tolerance``."""
    pair = table["theoretical_capacity_pair"]
    return ((table[GRAVIMETRIC.key] - pair).abs() > tolerance * pair).rename("departs_from_faraday")
