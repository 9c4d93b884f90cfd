"""Rows that are voltage steps are merged into electrodes; what cannot be merged exactly stays, and is named."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core.schema import ID, ION_CHARGE
from electrode_bench.data import chemistry, readers
from electrode_bench.data.prepare import Prepared, departs_from_faraday, prepare
from electrode_bench.data.steps import NONE
from electrode_bench.params import Prepare

HOSTS = ("FePO4", "MnO2", "V2O5", "Ti2(PO4)3", "CrS2")


def raw_of(rows: list[dict[str, Any]]) -> readers.Raw:
    """A raw snapshot of rows without numbers of steps, in files as ``voltage_steps`` reads them."""
    numbered = [{"file": "x.csv", "line": line, **row} for line, row in enumerate(rows, 2)]
    frame = pd.DataFrame(numbered, columns=[*readers.SOURCE_COLUMNS, *readers.RAW_COLUMNS], dtype=object)
    frame = frame.astype({"line": "int64"}).where(frame.notna(), None)
    return readers.Raw(frame, pd.DataFrame(columns=list(readers.REJECT_COLUMNS), dtype=object), "voltage-step CSV")


def written(host: str, ion: str, amount: int, units: int) -> str:
    """``amount`` ions in ``units`` formula units of the framework, as a formula."""
    return f"{ion}{amount}({host}){units}" if amount else f"({host}){units}"


def pair(host: str, ion: str, charged: int, discharged: int, *, units: int, density: float, **values: Any) -> Any:
    """A row whose capacities follow from Faraday's law and the density (g/cm3) of the discharged compound."""
    ends = written(host, ion, charged, units), written(host, ion, discharged, units)
    gravimetric = chemistry.pair_capacity(*ends, ion)
    return {
        "electrode_id": f"synthetic-1_{ion}",
        "working_ion": ion,
        "formula_charge": ends[0],
        "formula_discharge": ends[1],
        "gravimetric_capacity": gravimetric,
        "volumetric_capacity": gravimetric * density,
        "average_voltage": 3.0,
        "max_delta_volume": 0.02,
        **values,
    }


def step(charged: int, discharged: int, **values: Any) -> Any:
    """A step of a lithium iron phosphate with four formula units."""
    return pair("FePO4", "Li", charged, discharged, units=4, density=3.5, **values)


@st.composite
def electrodes(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An electrode as one row, and the same as rows of its voltage steps, in any order."""
    host, ion = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(sorted(ION_CHARGE)))
    units = draw(st.integers(1, 8))
    amounts = sorted(draw(st.sets(st.integers(0, 16), min_size=3, max_size=6)))
    number = len(amounts) - 1
    densities = draw(st.lists(st.floats(1.0, 12.0), min_size=number, max_size=number))
    voltages = draw(st.lists(st.floats(-1.0, 5.0), min_size=number, max_size=number))
    hull = [round(0.01 * i, 2) for i in range(len(amounts))]
    rows = [
        pair(
            host, ion, before, after, units=units, density=density, average_voltage=voltage,
            stability_charge=hull[i], stability_discharge=hull[i + 1],
        )
        for i, ((before, after), density, voltage) in enumerate(
            zip(pairwise(amounts), densities, voltages, strict=True)
        )
    ]  # fmt: skip
    ions = [after - before for before, after in pairwise(amounts)]
    whole = pair(
        host, ion, amounts[0], amounts[-1], units=units, density=densities[-1],
        average_voltage=math.fsum(v * n for v, n in zip(voltages, ions, strict=True)) / sum(ions),
        stability_charge=hull[0], stability_discharge=hull[-1], steps=len(rows), max_delta_volume=None,
    )  # fmt: skip
    return whole, draw(st.permutations(rows))


@given(electrodes())
def test_splitting_an_electrode_into_steps_and_merging_them_gives_it_back(
    case: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    whole, rows = case
    merged, expected = prepare(raw_of(rows), Prepare()), prepare(raw_of([whole]), Prepare())
    pd.testing.assert_frame_equal(merged.table, expected.table, rtol=1e-9, atol=1e-12)
    assert (merged.steps.rows, merged.steps.electrodes, merged.steps.apart) == (len(rows), 1, 0)
    assert not departs_from_faraday(merged.table).any()


def test_steps_by_hand(tmp_path: Path, steps_csv: str) -> None:
    (tmp_path / "steps.csv").write_text(steps_csv)
    done = prepare(readers.read(tmp_path), Prepare())
    assert list(done.table[ID]) == ["synthetic-1_Li", "synthetic-2_Li"]
    row = done.table.iloc[1]
    assert (row["formula_charge"], row["formula_discharge"], row["battery_formula"]) == ("MnO2", "LiMnO2", "Li0-1MnO2")
    # LiMn2O4 weighs 180.81 for two Mn, LiMnO2 187.75 for two: 148.23 x 180.81 + 142.70 x 187.75 mAh, over 187.75 g.
    assert row["gravimetric_capacity"] == pytest.approx(148.23 * 180.81 / 187.75 + 142.70, rel=1e-4)
    assert row["gravimetric_capacity"] == pytest.approx(row["theoretical_capacity_pair"], rel=1e-3)
    assert row["volumetric_capacity"] / row["gravimetric_capacity"] == pytest.approx(600.0 / 142.7)
    assert row["average_voltage"] == pytest.approx((4.0 + 2.9) / 2, abs=1e-3)
    assert math.isnan(row["max_delta_volume"])
    assert (row["stability_charge"], row["stability_discharge"]) == (0.03, 0.02)
    # An electrode with one row has one step.
    assert list(done.table["steps"]) == [1, 2]
    (message,) = done.steps.messages()
    assert message.startswith("2 rows are voltage steps: they were merged into 1 electrode, with the sum of")


def test_what_has_the_same_id_but_is_no_sequence_of_steps_stays() -> None:
    for rows in (
        [step(0, 2), step(0, 4)],  # overlap
        [step(0, 2), step(0, 2, average_voltage=3.1)],  # polymorphs
        [step(0, 2, steps=1), step(2, 4, steps=1)],  # electrodes with one step each
        [step(0, 2), pair("MnO2", "Li", 2, 4, units=4, density=4.0)],  # another framework
        [step(0, 2), pair("FePO4", "Na", 2, 4, units=4, density=3.5, electrode_id="synthetic-1_Li")],
        [step(0, 2, thermo_type="R2SCAN"), step(2, 4, thermo_type="GGA_GGA+U")],
    ):
        done = prepare(raw_of(rows), Prepare())
        assert list(done.table[ID]) == ["synthetic-1_Li", "synthetic-1_Li~2"]
        assert done.steps == NONE


def test_the_number_of_rows_may_stand_as_the_number_of_steps() -> None:
    done = prepare(raw_of([step(0, 2, steps=2), step(2, 4, steps=2)]), Prepare())
    assert list(done.table["steps"]) == [2]
    assert list(done.table["formula_charge"]) == ["(FePO4)4"]


def test_rules_judge_electrodes_and_not_steps() -> None:
    rows = [step(0, 1, average_voltage=9.0), step(1, 4, average_voltage=3.0)]
    kept = prepare(raw_of(rows), Prepare(ranges={"average_voltage": (-2, 7)}))
    assert kept.table["average_voltage"].tolist() == pytest.approx([(9.0 + 3 * 3.0) / 4])
    alone = step(0, 4, electrode_id="synthetic-2_Li")
    strict = prepare(raw_of([*rows, alone]), Prepare(max_steps=1))
    assert list(strict.table[ID]) == ["synthetic-2_Li"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([step(0, 1), step(2, 4)], "x.csv, line 2 (synthetic-1_Li): no row leads from Li1(FePO4)4 to Li2(FePO4)4"),
        (
            [step(0, 1), step(1, 3), step(3, 4, average_voltage="x")],
            "x.csv, line 2 (synthetic-1_Li): a row with its id is rejected",
        ),
    ],
)
def test_an_electrode_with_a_missing_step_is_not_merged(rows: list[dict[str, Any]], reason: str) -> None:
    done = prepare(raw_of(rows), Prepare())
    assert len(done.table) == 2
    assert done.table["steps"].isna().all()
    assert (done.steps.electrodes, done.steps.apart) == (0, 1)
    (message,) = done.steps.messages()
    assert message.startswith("WARNING: the rows of 1 electrode are voltage steps but")
    assert message.endswith(reason)


def test_a_step_that_stands_twice_is_a_repeat() -> None:
    done: Prepared = prepare(raw_of([step(0, 2), step(2, 4), step(0, 2)]), Prepare())
    assert list(done.table["steps"]) == [2]
    assert done.rejects["reason"].tolist() == ["repeats line 2"]


def test_an_electrode_of_which_a_step_excludes_commercial_use_excludes_it() -> None:
    rows = [step(0, 1, licence="BY-C"), step(1, 2, licence="BY-NC"), step(2, 4, licence="BY-C")]
    assert prepare(raw_of(rows), Prepare()).licences == {"CC BY-NC 4.0": 1}
