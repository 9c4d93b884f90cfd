"""Rows that are voltage steps of an electrode, merged into one row for the electrode.

Between its charged and its discharged composition, the voltage of an electrode may have several plateaus. The Materials
Project calls each of them a voltage pair. Some tables have one row for each pair instead of one for each electrode: the
discharged formula of one row is the charged formula of the next, and all have the same id.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, VOLTAGE, VOLUMETRIC
from electrode_bench.data import chemistry, licences
from electrode_bench.data.chemistry import FRAMEWORK_TOLERANCE


@dataclass(frozen=True)
class Steps:
    """Which rows of a snapshot are voltage steps.

    Attributes
    ----------
    rows : rows that were merged.
    electrodes : electrodes that they were merged into.
    apart : electrodes whose rows are steps that could not be merged.
    first : place and reason of the first of these.
    """

    rows: int = 0
    electrodes: int = 0
    apart: int = 0
    first: str = ""

    def messages(self) -> list[str]:
        """What people should know, in one sentence each; none where no row is a step."""
        found = []
        if self.electrodes:
            found.append(
                f"{self.rows:,} rows are voltage steps: they were merged into {_counted(self.electrodes)}, "
                "with the sum of the capacities and the mean voltage"
            )
        if self.apart:
            found.append(
                f"WARNING: the rows of {_counted(self.apart)} are voltage steps but do not make up a whole electrode; "
                f"`prepare.duplicate_ids` decides about them; the first: {self.first}"
            )
        return found


def _counted(electrodes: int) -> str:
    return f"{electrodes:,} electrode{'' if electrodes == 1 else 's'}"


#: What is found in a table without rows that are steps.
NONE = Steps()


@dataclass(frozen=True)
class _Ends:
    """A row's composition at both ends of its step, for as much of the framework as has one mole of atoms.

    Attributes
    ----------
    charged, discharged : moles of the working ion.
    mass : of the discharged compound (g).
    host : the reduced formula of the framework.
    """

    charged: float
    discharged: float
    mass: float
    host: str


def merge(rows: Sequence[dict[str, Any]], *, incomplete: Collection[str] = ()) -> tuple[list[dict[str, Any]], Steps]:
    """Merge the rows of each electrode whose voltage steps are rows.

    Rows are steps of one electrode if they have its id, working ion, thermodynamic data and framework, each begins with
    the composition that another one ends with, and their numbers of voltage steps are missing or say how many rows
    there are. All rows of the id must make up one sequence. Then everything in the merged row is exact (see
    :func:`_electrode`). Other rows with equal ids stay as they are.

    Where a table without numbers of voltage steps has one row for each step, an electrode with a single row has one
    step.

    Parameters
    ----------
    rows : rows of the canonical table with their file and line.
    incomplete : ids that a rejected row has: one of their steps may be missing.

    Returns
    -------
    The rows, in no particular order, and what was found.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row[ID], row["thermo_type"]), []).append(row)
    kept: list[dict[str, Any]] = []
    merged, number, apart = 0, 0, []
    for (battery_id, _), group in groups.items():
        sequence = _sequence(group)
        if sequence is None:
            kept += group
            continue
        reason = "a row with its id is rejected" if battery_id in incomplete else _gap(sequence)
        if reason is None:
            kept.append(_electrode(sequence))
            merged, number = merged + 1, number + len(group)
        else:
            kept += group
            apart.append((*_place(group), battery_id, reason))
    if merged > len(apart) and all(row["steps"] is None for row in rows):
        repeated = {battery_id for (battery_id, _), group in groups.items() if len(group) > 1}
        kept = [
            row if row["steps"] is not None or row[ID] in repeated or row[ID] in incomplete else {**row, "steps": 1}
            for row in kept
        ]
    first = "{}, line {} ({}): {}".format(*min(apart)) if apart else ""
    return kept, Steps(rows=number, electrodes=merged, apart=len(apart), first=first)


_Sequence = list[tuple[dict[str, Any], _Ends]]


def _sequence(group: Sequence[dict[str, Any]]) -> _Sequence | None:
    """The rows from the charged to the discharged end with their compositions; None where they are not steps."""
    if len(group) < 2 or len({row["working_ion"] for row in group}) > 1:
        return None
    # A row that has another number of steps is an electrode of its own.
    if {row["steps"] for row in group} not in ({None}, {len(group)}):
        return None
    ordered = sorted(((row, _ends(row)) for row in group), key=lambda item: (item[1].charged, item[1].discharged))
    if len({ends.host for _, ends in ordered}) > 1:
        return None
    overlap = any(after.charged < before.discharged - _tolerance(before) for before, after in _neighbours(ordered))
    return None if overlap else ordered


def _ends(row: Mapping[str, Any]) -> _Ends:
    ion = row["working_ion"]
    charged, discharged = chemistry.parse(row["formula_charge"]), chemistry.parse(row[FORMULA])
    host = chemistry.framework(discharged, ion)
    atoms = math.fsum(host.values())
    return _Ends(
        charged=charged.get(ion, 0.0) / math.fsum(chemistry.framework(charged, ion).values()),
        discharged=discharged[ion] / atoms,
        mass=chemistry.molar_mass(discharged) / atoms,
        host=chemistry.reduced(host),
    )


def _neighbours(sequence: _Sequence) -> Iterable[tuple[_Ends, _Ends]]:
    return pairwise(ends for _, ends in sequence)


def _tolerance(ends: _Ends) -> float:
    return FRAMEWORK_TOLERANCE * ends.discharged


def _gap(sequence: _Sequence) -> str | None:
    """Where a step is missing; None where each row begins with the composition that the one before ends with."""
    for (row, before), (following, after) in pairwise(sequence):
        if after.charged > before.discharged + _tolerance(before):
            return f"no row leads from {row[FORMULA]} to {following['formula_charge']}"
    return None


def _electrode(sequence: _Sequence) -> dict[str, Any]:
    """One row for the electrode.

    The charge of a step is its gravimetric capacity times the mass of its discharged compound, for the same amount of
    framework. The sum of all charges per mass of the electrode's discharged compound is the gravimetric capacity of the
    electrode, and times the density of that compound, which is the ratio of the last step's capacities, the volumetric
    one. The average voltage is weighted by charge, so that the energy is the sum of the steps' energies. The largest
    volume change is unknown: that of a step does not say whether the volume grows or shrinks.
    """
    first, (last, end) = sequence[0][0], sequence[-1]
    ion = first["working_ion"]
    charges = [row[GRAVIMETRIC.key] * ends.mass for row, ends in sequence]
    total = math.fsum(charges)
    gravimetric = total / end.mass
    pair = first["formula_charge"], last[FORMULA], ion
    file, line = _place([row for row, _ in sequence])
    return {
        **last,
        "file": file,
        "line": line,
        "formula_charge": first["formula_charge"],
        "battery_formula": chemistry.battery_formula(*pair),
        GRAVIMETRIC.key: gravimetric,
        VOLUMETRIC.key: gravimetric * last[VOLUMETRIC.key] / last[GRAVIMETRIC.key],
        VOLTAGE.key: math.fsum(row[VOLTAGE.key] * charge for (row, _), charge in zip(sequence, charges, strict=True))
        / total,
        "max_delta_volume": math.nan,
        "stability_charge": first["stability_charge"],
        "theoretical_capacity_pair": chemistry.pair_capacity(*pair),
        "steps": len(sequence),
        "licence": licences.strictest(row.get("licence") for row, _ in sequence),
    }


def _place(group: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """File and line of the first row."""
    return min((str(row["file"]), int(row["line"])) for row in group)
