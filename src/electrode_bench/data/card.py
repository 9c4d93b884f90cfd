"""The data card: a snapshot in numbers that depend on its table alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.core.schema import FORMULA, ID, ION_CHARGE, TARGETS, VOLTAGE
from electrode_bench.data.doubts import PHYSICAL_VOLTAGES
from electrode_bench.data.licences import with_stated
from electrode_bench.data.prepare import departs_from_faraday
from electrode_bench.data.steps import NONE, Steps
from electrode_bench.data.units import Conversion

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Every id of the embedded sample begins like this, and no Materials Project id does.
SYNTHETIC_PREFIX = "synthetic-"

#: Shown with every result on the embedded sample.
SYNTHETIC_NOTICE = "Synthetic data, for trying the pipeline: the numbers say nothing about real materials"


def card(
    table: pd.DataFrame,
    rejects: pd.DataFrame,
    conversions: Mapping[str, Conversion] = MappingProxyType({}),
    *,
    licences: Mapping[str, int] = MappingProxyType({}),
    steps: Steps = NONE,
) -> dict[str, Any]:
    """Counts and ranges of a canonical table and its rejects, as plain JSON values.

    Ranges, means and mean absolute deviations from the mean are in the target's ``unit``. ``shared`` is the fraction of
    rows that have the discharged formula and working ion of another row. ``conversions`` is there only if values of a
    column were converted, or hold for one working ion only, ``licences`` (electrodes by licence) only if documents
    state them, and ``voltage_steps`` only if rows are voltage steps.
    """
    low, high = PHYSICAL_VOLTAGES
    ions = table["working_ion"].value_counts()
    converted = {"conversions": {name: asdict(made) for name, made in conversions.items()}} if conversions else {}
    return {
        "rows": len(table),
        "rejects": len(rejects),
        "rejects_by_rule": {str(k): int(v) for k, v in rejects["rule"].value_counts().sort_index().items()},
        "synthetic": bool(table[ID].str.startswith(SYNTHETIC_PREFIX).all()),
        "ions": dict(_by_count({ion: int(ions.get(ion, 0)) for ion in ION_CHARGE})),
        "targets": {name: {"unit": column.unit, **_statistics(table[name])} for name, column in TARGETS.items()},
        "discharged_formulas": int(table[FORMULA].nunique()),
        "pairs": len(table[["formula_charge", FORMULA, "working_ion"]].drop_duplicates()),
        "shared": float(table.duplicated([FORMULA, "working_ion"], keep=False).mean()),
        "unphysical_voltages": int((~table[VOLTAGE.key].between(low, high)).sum()),
        "departs_from_faraday": int(departs_from_faraday(table).sum()),
        "thermo_types": {str(k): int(v) for k, v in table["thermo_type"].value_counts().sort_index().items()},
        **converted,
        **({"licences": dict(licences)} if licences else {}),
        **({"voltage_steps": asdict(steps)} if steps != NONE else {}),
    }


def _statistics(values: pd.Series) -> dict[str, float]:
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "mean_absolute_deviation": float((values - values.mean()).abs().mean()),
    }


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Largest first; the file that the card is read from sorts its keys by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def describe(card: Mapping[str, Any], provenance: Mapping[str, Any]) -> RenderableType:
    """The card with where the data comes from (``data.origin.provenance``), for a terminal."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    low, high = PHYSICAL_VOLTAGES
    provenance = with_stated(provenance, card)
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    for label, value in (
        ("Source", provenance.get("source")),
        ("From", provenance.get("path")),
        ("Release", provenance.get("release")),
        ("MD5", provenance.get("md5")),
        ("Licence", provenance.get("licence")),
        ("Cite", provenance.get("citation")),
        ("Rows", f"{card['rows']:,} ({card['rejects']:,} rejected)"),
        ("Discharged formulas", f"{card['discharged_formulas']:,} distinct"),
        *(("Voltage steps", sentence) for sentence in Steps(**card.get("voltage_steps", {})).messages()),
        ("Duplicates", f"{card['shared']:.0%} of rows share discharged formula and working ion with another row"),
        ("Unphysical voltages", f"{card['unphysical_voltages']:,} outside {low:g} to {high:g} V"),
        ("Off Faraday's law", f"{card['departs_from_faraday']:,} by more than 1%"),
        *(("Converted", str(Conversion(**made))) for made in card.get("conversions", {}).values()),
        ("Working ions", ", ".join(f"{ion} {count:,}" for ion, count in _by_count(card["ions"]) if count)),
    ):
        facts.add_row(label, Text(str(value)) if value not in (None, "") else Text("unknown", style="dim"))
    targets = Table("Target", box=None, pad_edge=False)
    for heading in ("from", "to", "mean", "mean abs. deviation"):
        targets.add_column(heading, justify="right")
    for name in TARGETS:
        numbers = (card["targets"][name][key] for key in ("min", "max", "mean", "mean_absolute_deviation"))
        targets.add_row(TARGETS[name].title, *(f"{number:,.2f}" for number in numbers))
    parts: list[RenderableType] = [facts, Text(""), targets]
    if 2 * card["departs_from_faraday"] > card["rows"]:
        parts.insert(0, Panel("WARNING: most rows violate Faraday's law; `electrode-bench prepare` says by how much"))
    if card["synthetic"]:
        parts.insert(0, Panel(SYNTHETIC_NOTICE))
    return Group(*parts)
