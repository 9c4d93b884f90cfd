"""Units as people write them: converted by the right factor, or refused with what to do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench.data.units import UNITS, UnitError, conversion

GRAVIMETRIC, VOLUMETRIC, VOLTAGE = "gravimetric_capacity", "volumetric_capacity", "average_voltage"


@pytest.mark.parametrize(
    ("column", "units"),
    [
        (
            GRAVIMETRIC,
            ["mAh/g", "mAh g-1", "mAh g^-1", "mAh·g⁻¹", "mAh g−1", "mA h g$^{-1}$", "mAh.g-1", "Ah/kg", "A.h/kg"],
        ),
        (VOLUMETRIC, ["mAh/cm3", "mAh/cm³", "mAh/cc", "mAh cm-3", "Ah/L", "Ah l-1", "mAh/mL", "Ah dm^{-3}"]),
        (VOLTAGE, ["V", "volt", "J/C"]),
        ("max_delta_volume", ["fraction", "1", "-", ""]),
        ("stability_charge", ["eV/atom", "eV atom-1"]),
        ("steps", ["anything"]),
        ("working_ion", ["symbol"]),
    ],
)
def test_the_same_unit_in_other_words_needs_no_conversion(column: str, units: list[str]) -> None:
    assert [conversion(column, column, unit) for unit in units] == [None] * len(units)


@pytest.mark.parametrize(
    ("column", "unit", "factor"),
    [
        (GRAVIMETRIC, "C/g", 1 / 3.6),
        (GRAVIMETRIC, "Ah/g", 1000),
        (GRAVIMETRIC, "A s g-1", 1 / 3.6),
        (VOLUMETRIC, "mAh/L", 1e-3),
        (VOLUMETRIC, "C/cm3", 1 / 3.6),
        (VOLTAGE, "mV", 1e-3),
        (VOLTAGE, "kV", 1e3),
        ("max_delta_volume", "%", 0.01),
        ("max_delta_volume", "percent", 0.01),
        ("stability_discharge", "meV/atom", 1e-3),
    ],
)
def test_other_units_are_converted(column: str, unit: str, factor: float) -> None:
    made = conversion(column, f"{column} ({unit})", unit)
    assert made is not None
    assert made.factor == pytest.approx(factor, rel=1e-11)
    assert str(made).startswith(f"'{column} ({unit})': {unit} was converted to {UNITS[column]} (times ")


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        (GRAVIMETRIC, "Wh/kg"),
        (GRAVIMETRIC, "mAh"),
        (GRAVIMETRIC, "mAh/cm3"),
        (GRAVIMETRIC, "mAhg-1"),
        (GRAVIMETRIC, "1000 mAh/g"),
        (GRAVIMETRIC, "g**9**9**9"),
        pytest.param(GRAVIMETRIC, "x" * 10_000, id="long"),
        (VOLTAGE, "eV"),
        (VOLTAGE, "__import__('os')"),
        ("stability_charge", "kJ/mol"),
        ("stability_charge", "eV"),
    ],
)
def test_a_unit_of_another_quantity_is_refused(column: str, unit: str) -> None:
    with pytest.raises(UnitError) as error:
        conversion(column, column, unit)
    assert str(error.value).endswith(f"which cannot be converted to {UNITS[column]}; give it in {UNITS[column]}")
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("unit", "reference"),
    [
        ("V vs. Na/Na+", "Na"),
        ("V vs Li+/Li", "Li"),
        ("V (vs. Mg)", "Mg"),
        ("V, versus K/K⁺", "K"),
        ("V vs. Mg/Mg2+", "Mg"),
    ],
)
def test_a_voltage_keeps_the_metal_that_it_is_against(unit: str, reference: str) -> None:
    made = conversion(VOLTAGE, "Average Voltage", unit)
    assert made is not None
    assert (made.factor, made.reference) == (1.0, reference)
    assert f"voltages against {reference} are read for the working ion {reference} only" in str(made)


@pytest.mark.parametrize("electrode", ["SHE", "Ag/AgCl", "Li/Na", "RHE", ""])
def test_other_reference_electrodes_are_refused(electrode: str) -> None:
    with pytest.raises(UnitError, match="give it against the metal of the working ion"):
        conversion(VOLTAGE, "Average Voltage", f"V vs. {electrode}")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text("mAhgVCcL/*^-123 ().%{}", max_size=12))
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    try:
        message = str(conversion(GRAVIMETRIC, "x", text))
    except UnitError as error:
        message = str(error)
    assert message.isprintable()
