"""Signs that a whole snapshot is not what it says: most of its rows disagree with physics."""

from __future__ import annotations

import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE, VOLUMETRIC
from electrode_bench.data.prepare import Prepared, departs_from_faraday

#: Average voltages (V) outside this span are artefacts of the calculation, not of an electrode.
PHYSICAL_VOLTAGES = (-2.0, 7.0)

#: Densities (g/cm3) that solids of the elements can have, with a margin.
_DENSITIES = (0.3, 25.0)

#: The factor by which a capacity in another unit differs from mAh/g, and what it says.
_FACTORS = (
    (3.6, "they look like C/g; write the unit into the header"),
    (1000.0, "they look like mAh/kg; write the unit into the header"),
    (0.001, "they look like Ah/g; write the unit into the header"),
)


def doubts(prepared: Prepared) -> list[str]:
    """A warning for each way in which most rows of a snapshot disagree with physics, and if most are rejected."""
    table, rejects = prepared.table, prepared.rejects
    found = _about_values(table)
    if len(rejects) > len(table):
        first = rejects.iloc[0]
        found.append(
            f"{len(rejects):,} of {len(rejects) + len(table):,} rows are rejected; the first: "
            f"{first['file']}, line {first['line']}: {first['reason']}"
        )
    return [f"WARNING: {sentence}" for sentence in found]


def _about_values(table: pd.DataFrame) -> list[str]:
    found = []
    departs = departs_from_faraday(table)
    if departs.mean() > 0.5:
        ratio = float((table[GRAVIMETRIC.key] / table["theoretical_capacity_pair"])[departs].median())
        found.append(
            f"{_share(departs)} violate Faraday's law by more than 1%: their gravimetric capacities are "
            f"{ratio:.3g} times those of their formulas (median); {_why(ratio)}"
        )
    low, high = PHYSICAL_VOLTAGES
    unphysical = ~table[VOLTAGE.key].between(low, high)
    if unphysical.mean() > 0.5:
        found.append(
            f"{_share(unphysical)} have voltages outside {low:g} to {high:g} V; "
            "if they are in another unit, such as mV, write it into the header"
        )
    density = table[VOLUMETRIC.key] / table[GRAVIMETRIC.key]
    odd = ~density.between(*_DENSITIES)
    if odd.mean() > 0.5 and not departs.mean() > 0.5:
        found.append(
            f"{_share(odd)} have a density of {float(density[odd].median()):.3g} g/cm3 (median), which is the "
            "volumetric divided by the gravimetric capacity; check the unit of the volumetric capacity (mAh/cm3)"
        )
    return found


def _share(rows: pd.Series) -> str:
    return f"{int(rows.sum()):,} of {len(rows):,} rows"


def _why(ratio: float) -> str:
    for factor, why in _FACTORS:
        if abs(ratio / factor - 1) < 0.02:
            return why
    return "check the unit (mAh/g), the formulas, and that capacities are per mass of the discharged compound"
