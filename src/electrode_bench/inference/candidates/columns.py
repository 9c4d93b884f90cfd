"""Which columns of a table of candidates hold the formula and the working ion. The served model has the same rule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from electrode_bench.core.schema import FORMULA
from electrode_bench.errors import UserError
from electrode_bench.inference.screened import COLUMNS

#: Names of the column of formulas. The first of them that a table has is read, whatever the order of its columns.
FORMULA_COLUMNS = (FORMULA, "formula", "reduced_formula", "pretty_formula", "composition", "material")

#: The name of the column of working ions, and names that are read as well, by the same rule.
ION_COLUMN = "working_ion"
ION_COLUMNS = (ION_COLUMN, "ion", "mobile_ion")

#: More columns than a sheet of Excel has are no list of candidates; each is kept in the output.
MOST_COLUMNS = 16_384

#: Names of columns that a message lists.
_SHOWN = 10

#: What a user's column is called in the output when the output has a column of the same name.
PREFIX = "input_"


def plain_name(name: object) -> str:
    """A column's name without what people write differently: letter case, blanks, hyphens and a byte-order mark.

    >>> plain_name(" Reduced Formula")
    'reduced_formula'
    """
    return re.sub(r"[\s_-]+", "_", str(name).strip(" \t\r\n\ufeff\"'").casefold())


def formula_column(names: Iterable[Hashable]) -> Any:
    """The one of ``names`` that holds the formulas, by the order of :data:`FORMULA_COLUMNS`; None if there is none.

    >>> formula_column(["formula", "Formula Discharge"])
    'Formula Discharge'
    """
    return _first(names, FORMULA_COLUMNS)


def ion_column(names: Iterable[Hashable]) -> Any:
    """The one of ``names`` that holds the working ions; None if there is none."""
    return _first(names, ION_COLUMNS)


def _first(names: Iterable[Hashable], wanted: Sequence[str]) -> Any:
    given: list[Any] = list(names)
    for want in wanted:
        exact = [name for name in given if name == want]
        close = exact or [name for name in given if plain_name(name) == want]
        if close:
            return close[0]
    return None


def require_formula_column(names: Sequence[Hashable], *, where: str) -> Any:
    """As :func:`formula_column`.

    Raises
    ------
    UserError
        When no column holds formulas, two columns of the same name do, or there are more than MOST_COLUMNS columns.
    """
    if len(names) > MOST_COLUMNS:
        raise UserError(f"{where} has {len(names):,} columns; at most {MOST_COLUMNS:,} are read: leave the others out")
    found = formula_column(names)
    if found is None:
        known = ", ".join(f"'{name}'" for name in FORMULA_COLUMNS)
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        raise UserError(
            f"{where} has no column of formulas; it has {', '.join(map(str, names[:_SHOWN])) or 'no column'}{more}; "
            f"name the column 'formula' (also read: {known})"
        )
    if Counter(names)[found] > 1:
        raise UserError(f"{where} has two columns '{found}'; keep one")
    return found


def output_names(names: Iterable[Hashable]) -> list[str]:
    """What the user's columns are called in the output, in order: their own names, unless one is taken.

    >>> output_names(["supplier", "energy", ""])
    ['supplier', 'input_energy', 'column_3']
    """
    taken: dict[str, int] = {}  # with the number that is tried next
    found = []
    for position, given in enumerate(names, start=1):
        name = str(given).strip() or f"column_{position}"
        if name in COLUMNS:
            name = f"{PREFIX}{name}"
        free, number = name, taken.get(name, 2)
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        taken[name] = number
        taken.setdefault(free, 2)
        found.append(free)
    return found
