"""Screenings made by hand, with everything that a page of candidates may have to show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.inference.screened import COLUMNS, ENERGY, ENERGY_DENSITY, Options, Screened, high, low
from electrode_bench.report.candidates.shown import Shown
from electrode_bench.report.composition_map import CompositionMap


def row(formula: str, ion: str, capacity: float, voltage: float, **values: Any) -> dict[str, Any]:
    """A row of a screening: capacity in mAh/g, voltage in V, intervals of 10% unless ``values`` says otherwise."""
    quantities = {
        GRAVIMETRIC.key: capacity, VOLUMETRIC.key: 4 * capacity, VOLTAGE.key: voltage,
        ENERGY.key: capacity * voltage, ENERGY_DENSITY.key: 4 * capacity * voltage,
    }  # fmt: skip
    ends = {name(key): f * v for key, v in quantities.items() for name, f in ((low, 0.9), (high, 1.1))}
    known = {
        "formula": formula, "working_ion": ion, **quantities, **ends, "score": capacity * voltage,
        "probability": np.nan,
        "theoretical_capacity": 1.2 * capacity, "above_limit": False, "nearest": formula, "nearest_distance": 0.0,
        "in_domain": True, "on_front": False, "notes": "", "duplicate_of": pd.NA, "rank": pd.NA, "line": 0,
    }  # fmt: skip
    return known | values


def screened(rows: list[dict[str, Any]], options: Options | None = None, **counts: int) -> Screened:
    """A screening with these rows, best first; lines and ranks count them where a row has none of its own."""
    best = pd.DataFrame(rows)
    numbers = pd.Series(range(1, len(best) + 1))
    best["line"] = best["line"].where(best["line"] > 0, numbers + 1)
    first = best["duplicate_of"].isna()
    best["rank"] = pd.array(first.cumsum().where(first), dtype="Int64")
    best["duplicate_of"] = pd.array(best["duplicate_of"], dtype="Int64")
    own = [column for column in best if column not in COLUMNS]
    return Screened(best[[*COLUMNS, *own]], options or Options(), read=len(best), **counts)


def example() -> Screened:
    """Four candidates and a line that repeats one: names, two ions, a missing interval, one outside the domain."""
    missing = {end(key): np.nan for key in (*TARGETS, ENERGY.key, ENERGY_DENSITY.key) for end in (low, high)}
    rows = [
        row("LiCoO2", "Li", 200, 4.0, name="LCO", group="layered", on_front=True),
        row("LiFePO4", "Li", 160, 3.4, name="LFP", group="olivine", notes="in the training data", **missing),
        row("LiFePO4", "Li", 160, 3.4, name="again", group="olivine", duplicate_of=3, line=9),
        row("Na3V2(PO4)3", "Na", 110, 3.3, name="NVP2", group="", in_domain=False, nearest="Na3V2(PO4)2F3",
            nearest_distance=1.5, notes="outside the domain: it is far from all known compositions"),
        row("LiNiPO4", "Li", 150, 5.1, name="", group="olivine", above_limit=True, on_front=True),
    ]  # fmt: skip
    return screened(rows, duplicates=1)


def known() -> CompositionMap:
    """A map of three known electrodes, two of them candidates of :func:`example`."""
    formulas = ["LiCoO2", "LiFePO4", "LiMn2O4"]
    ids = [f"mp-{i}_Li" for i in range(3)]
    places = pd.DataFrame({ID: ids, "x": [0.0, 10.0, 5.0], "y": [0.0, 5.0, -5.0], "cluster": 0})
    places["representative"] = [False, True, False]
    table = pd.DataFrame({ID: ids, FORMULA: formulas, "working_ion": "Li", **dict.fromkeys(TARGETS, 1.0)})
    return CompositionMap.of(places, table)


def shown(**changes: Any) -> Shown:
    """:func:`example` on :func:`known`, predicted by a forest."""
    base = Shown(example(), "Forest", known(), about={"Data": "release 2023.11.1"})
    return replace(base, **changes)
