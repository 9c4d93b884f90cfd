"""Columns of raw tables: how each layout names them, and which must be there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, VOLTAGE, VOLUMETRIC
from electrode_bench.data.readers.base import REQUIRED
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
    }
)

#: Units that a header of the export may carry in brackets: they are those of the raw table (1 Ah/L is 1 mAh/cm3).
_HEADER_UNITS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Gravimetric Capacity": frozenset({"mAh/g"}),
        "Volumetric Capacity": frozenset({"Ah/L", "mAh/cm3", "mAh/cm³"}),
        "Average Voltage": frozenset({"V"}),
    }
)


def matching(header: Sequence[str], layout: Layout) -> int:
    """How many columns of a layout a table's header has."""
    return len(set(layout.values()) & set(map(_bare, header)))


def positions(header: Sequence[str], layout: Layout, path: Path) -> dict[str, int]:
    """Position of each raw column in a table with a header.

    Raises
    ------
    UserError
        When a required column is missing, a column occurs twice or is in another unit.
    """
    bare = [_bare(h) for h in header]
    twice = sorted({h for h in bare if bare.count(h) > 1 and h in {*EXPLORER.values(), *DOCUMENT.values()}})
    if twice:
        raise UserError(f"{path}: the column '{twice[0]}' occurs twice; keep one")
    if not matching(header, layout) and len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise UserError(f"{path}: the columns are not separated by commas; export it as comma-separated CSV")
    for column in REQUIRED:
        if layout[column] not in bare:
            raise UserError(
                f"{path}: the column '{layout[column]}' is missing; "
                f"{_nearest_present(layout[column], [h for h in bare if h not in layout.values()])}"
            )
    for written, plain in zip(header, bare, strict=True):
        unit = written.strip().removeprefix(plain).strip(" ()")
        if unit and unit not in _HEADER_UNITS.get(plain, frozenset({unit})):
            wanted = sorted(_HEADER_UNITS[plain])[0]
            raise UserError(f"{path}: the column '{written}' is in '{unit}'; convert it to {wanted}")
    return {column: bare.index(name) for column, name in layout.items() if name in bare}


def _nearest_present(name: str, others: Sequence[str]) -> str:
    if not others:
        return "no other column could be meant; export the table again"
    lower = {other.lower(): other for other in others}
    close = difflib.get_close_matches(name.lower(), sorted(lower), n=1, cutoff=0.0)
    return f"the nearest of its columns is '{lower[close[0]]}'; rename it, or export the table again"


def _bare(header: str) -> str:
    """A header without its unit."""
    return re.sub(r"\s*\([^()]*\)$", "", header.strip())
