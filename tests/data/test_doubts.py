"""Snapshots that are not what they say are questioned as a whole."""

from __future__ import annotations

import pandas as pd
import pytest

from electrode_bench.data import doubts
from electrode_bench.data.prepare import Prepared

NO_REJECTS = pd.DataFrame(columns=["file", "line", "battery_id", "rule", "reason"])


def of(*, gravimetric: float = 1, volumetric: float = 1, voltage: float = 1, rejects: int = 0) -> list[str]:
    """The doubts about three rows whose values are multiplied by these factors."""
    table = pd.DataFrame(
        {
            "gravimetric_capacity": [169.9, 273.8, 148.2],
            "volumetric_capacity": [611.6, 1380.0, 634.4],
            "average_voltage": [3.4, 4.0, 4.1],
            "theoretical_capacity_pair": [169.9, 273.8, 148.2],
        }
    )
    table["gravimetric_capacity"] *= gravimetric
    table["volumetric_capacity"] *= volumetric
    table["average_voltage"] *= voltage
    row = {"file": "x.csv", "line": 2, "battery_id": "a", "rule": "unusable", "reason": "it is odd"}
    rejected = pd.DataFrame([row] * rejects) if rejects else NO_REJECTS
    return doubts.doubts(Prepared(table, rejected, pd.DataFrame()))


def test_sound_values_raise_no_doubt() -> None:
    assert of() == []
    assert of(rejects=3) == []


@pytest.mark.parametrize(
    ("factor", "hint"),
    [
        (3.6, "they look like C/g"),
        (1000, "they look like mAh/kg"),
        (0.001, "they look like Ah/g"),
        (1.3, "check the unit"),
    ],
)
def test_most_rows_off_faradays_law(factor: float, hint: str) -> None:
    (line,) = of(gravimetric=factor)
    assert line.startswith(
        "WARNING: 3 of 3 rows violate Faraday's law by more than 1%: their gravimetric capacities are "
    )
    assert hint in line


def test_impossible_voltages_and_densities_and_many_rejects() -> None:
    assert "3 of 3 rows have voltages outside -2 to 7 V; if they are in another unit, such as mV" in of(voltage=1000)[0]
    assert "3 of 3 rows have a density of 4.28e+03 g/cm3 (median)" in of(volumetric=1000)[0]
    assert of(rejects=4) == ["WARNING: 4 of 7 rows are rejected; the first: x.csv, line 2: it is odd"]
