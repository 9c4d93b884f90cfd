"""A rename is suggested only for a column that says the same in other words."""

from __future__ import annotations

import time

import pytest

from electrode_bench.data.readers.suggestions import suggestion

EXPLORER_LEFT = ["Gravimetric Energy", "Volumetric Energy", "Max Voltage Step", "Atomic Fraction Charge"]


@pytest.mark.parametrize(
    ("column", "name", "others", "meant"),
    [
        (
            "gravimetric_capacity",
            "capacity_grav",
            ["gravimetric_capacity", "volumetric_capacity"],
            "gravimetric_capacity",
        ),
        ("gravimetric_capacity", "capacity_grav", ["volumetric_capacity", "gravimetric_energy"], None),
        ("gravimetric_capacity", "Gravimetric Capacity", [*EXPLORER_LEFT, "Volumetric Capacity"], None),
        ("gravimetric_capacity", "Gravimetric Capacity", ["Specific capacity (mAh/g)"], "Specific capacity (mAh/g)"),
        ("gravimetric_capacity", "Gravimetric Capacity", ["Specific capacity (Wh/kg)"], None),
        ("gravimetric_capacity", "Gravimetric Capacity", ["Gravimetric Capcity"], "Gravimetric Capcity"),
        ("gravimetric_capacity", "capacity_grav", ["theoretical_capacity_grav"], None),
        ("gravimetric_capacity", "capacity_grav", ["gravCapacity", "gravimetric capacity"], None),
        ("volumetric_capacity", "Volumetric Capacity", [*EXPLORER_LEFT, "Gravimetric Capacity"], None),
        ("average_voltage", "Average Voltage", EXPLORER_LEFT, None),
        ("average_voltage", "average_voltage", ["Mean Voltage", "Max Voltage"], "Mean Voltage"),
        ("formula_discharge", "Formula Discharge", ["Formula charged", "formula"], None),
        ("formula_discharge", "Formula Discharge", ["discharged_formula"], "discharged_formula"),
        ("electrode_id", "Battery ID", ["id_charge", "batteryId"], "batteryId"),
    ],
)
def test_suggestion(column: str, name: str, others: list[str], meant: str | None) -> None:
    assert suggestion(column, name, others) == meant


def test_a_wide_table_is_not_searched_for_long() -> None:
    start = time.perf_counter()
    assert suggestion("average_voltage", "Average Voltage", [f"capacit{i}y" for i in range(100_000)]) is None
    assert time.perf_counter() - start < 1
