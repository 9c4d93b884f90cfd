"""What programs do to the shape of a table: short headers, trailing delimiters, a row of units, decimal commas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from electrode_bench.core.schema import FORMULA, ION_CHARGE, TARGETS
from electrode_bench.data.delimited.decimals import is_decimal_comma, with_point
from electrode_bench.data.delimited.records import Row as TextRow
from electrode_bench.data.delimited.records import Unreadable
from electrode_bench.data.readers.base import RAW_COLUMNS, SOURCE_COLUMNS, Reject, Row, reject
from electrode_bench.data.readers.columns import Columns
from electrode_bench.data.units import UNITS, Conversion, UnitError, conversion
from electrode_bench.errors import UserError

_PLACE = {name: position for position, name in enumerate((*SOURCE_COLUMNS, *RAW_COLUMNS))}
_NUMBERS = tuple(_PLACE[name] for name in (*UNITS, "steps"))
_FORMULAS = tuple(_PLACE[name] for name in ("battery_formula", "formula_charge", FORMULA, "framework_formula"))


def header_is_short(sample: Sequence[TextRow], width: int, columns: Columns) -> bool:
    """Whether each row begins with a name that the header does not count, as R's ``write.table`` has it.

    Where the working ions are decides.
    """
    ion = columns.positions["working_ion"]
    longer = [row.fields for row in sample if not isinstance(row.fields, Unreadable) and len(row.fields) == width + 1]
    if len(longer) < len(sample) / 2 or not longer:
        return False
    unshifted, shifted = (sum(fields[ion + k].strip() in ION_CHARGE for fields in longer) for k in (0, 1))
    return shifted > unshifted


def fitted(row: TextRow, width: int) -> Sequence[str] | Unreadable:
    """The fields of a row without empty ones beyond the header."""
    fields = row.fields
    if isinstance(fields, Unreadable):
        return fields
    if len(fields) < width or any(field.strip() for field in fields[width:]):
        return Unreadable("", f"the row has {len(fields)} fields where the header has {width}")
    return fields[:width]


def unit_row(row: TextRow, columns: Columns, path: Path) -> dict[str, Conversion] | None:
    """The conversions that a first row of units asks for; None if the row holds values.

    A row of units has a unit in place of each target that it fills, and no working ion.

    Raises
    ------
    UserError
        When another column of a row of units has one that cannot be converted.
    """
    if isinstance(row.fields, Unreadable):
        return None
    cells = {column: row.fields[at].strip() for column, at in columns.positions.items() if at < len(row.fields)}
    targets = [column for column in TARGETS if cells.get(column)]
    if not targets or cells.get("working_ion") in ION_CHARGE or any(_is_number(cells[c]) for c in targets):
        return None
    found: dict[str, Conversion] = {}
    for column in (*targets, *(c for c in UNITS if c not in TARGETS and cells.get(c))):
        unit = cells[column].strip("()[] ")
        try:
            made = conversion(column, f"{column}, line {row.line}", unit)
        except UnitError as error:
            if column in TARGETS and not found:
                return None
            raise UserError(f"{path}, line {row.line}: {column} {error}") from None
        if made is not None:
            found[column] = made
    return found


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def points(rows: Sequence[Row]) -> tuple[list[Row], list[Reject]]:
    """The rows with points in place of decimal commas, in numbers and in formulas.

    Where some number has a decimal comma, one with a point is rejected: the point may separate thousands.
    """
    commas = any(isinstance(row[at], str) and is_decimal_comma(row[at]) for row in rows for at in _NUMBERS)
    kept: list[Row] = []
    rejects: list[Reject] = []
    for row in rows:
        pointed = next((row[at] for at in _NUMBERS if commas and isinstance(row[at], str) and "." in row[at]), None)
        if pointed is not None:
            reason = f"the number '{pointed}' has a point where others have decimal commas"
            rejects.append(reject(row[0], row[1], row[2] or "", reason))
            continue
        changed: list[Any] = list(row)
        for at in (*_NUMBERS, *_FORMULAS):
            if isinstance(changed[at], str):
                changed[at] = with_point(changed[at])
        kept.append(tuple(changed))
    return kept, rejects
