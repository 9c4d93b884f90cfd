"""prepare as a stage: what it says about rows that were read but are probably a slip."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from electrode_bench.errors import UserError
from electrode_bench.params import Prepare
from electrode_bench.project import Project
from electrode_bench.stages import prepare

HEADER = (
    "Battery ID,Battery Formula,Working Ion,Formula Charge,Formula Discharge,Max Delta Volume,Average Voltage,"
    "Gravimetric Capacity,Volumetric Capacity,Stability Charge,Stability Discharge,Steps"
)


def project_of(folder: Path, rows: list[str], header: str = HEADER) -> Project:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "x.csv").write_text("\n".join([header, *rows]) + "\n")
    return Project(folder)


def test_rejects_are_written_even_if_nothing_is_left(tmp_path: Path) -> None:
    project = project_of(tmp_path, ["mp-1,,Ag,O,AgO,,3,9,9,,,", "mp-2,,Li,CoO2,LiCoO2,,NA,9,9,,,"])
    with pytest.raises(UserError) as error:
        prepare.run(project, Prepare())
    assert str(error.value).endswith(f"all are listed in {project.paths.rejects}")
    assert pd.read_csv(project.paths.rejects)["reason"].tolist() == [
        "unknown working ion 'Ag'; known are: Li, Na, K, Rb, Cs, Mg, Ca, Zn, Al, Y",
        "Average voltage is missing",
    ]
    assert not project.paths.card.exists()


def test_conversions_and_rows_off_faradays_law_are_never_silent(tmp_path: Path) -> None:
    rows = ["mp-1,,Li,FePO4,LiFePO4,,3400,611.6,611,,,", "mp-2,,Li,CoO2,LiCoO2,,4000,985.8,1380,,,"]
    project = project_of(tmp_path, rows, HEADER.replace("Average Voltage", "Average Voltage (mV)"))
    warnings: list[str] = []
    prepare.run(project, Prepare(), warn=warnings.append)
    assert warnings[0] == "'Average Voltage (mV)': mV was converted to V (times 0.001)"
    assert warnings[1].startswith("WARNING: 2 of 2 rows violate Faraday's law by more than 1%")
    assert "they look like C/g" in warnings[1]
    conversion = json.loads(project.paths.card.read_text())["conversions"]["average_voltage"]
    assert (conversion["header"], conversion["factor"]) == ("Average Voltage (mV)", 0.001)


def test_questioned_rows_are_named_with_their_line_and_many_are_counted(tmp_path: Path) -> None:
    rows = [f"synthetic-{i},,Li,FePo4,LiFePo4,0.05,3.4,29.{60 + i},590,0,0,1" for i in range(6)]
    warnings: list[str] = []
    prepare.run(project_of(tmp_path, rows), Prepare(), warn=warnings.append)
    assert warnings[:2] == [
        "x.csv, line 2 (synthetic-0): Po is polonium; did you mean FePO4?",
        "x.csv, line 2 (synthetic-0): Po is polonium; did you mean LiFePO4?",
    ]
    assert warnings[5:] == ["and 7 more formulas like these; correct them in the snapshot"]


def test_voltage_steps_are_merged_with_a_message_and_counted_on_the_card(tmp_path: Path) -> None:
    steps = ["mp-1,,Li,MnO2,LiMn2O4,,4.0,148.23,634.4,,,", "mp-1,,Li,LiMn2O4,LiMnO2,,2.9,142.7,600,,,"]
    project = project_of(tmp_path, [*steps, "mp-2,,Li,FePO4,LiFePO4,,3.4,169.89,611.6,,,"])
    warnings: list[str] = []
    card = prepare.run(project, Prepare(), warn=warnings.append)
    assert warnings[0].startswith("2 rows are voltage steps: they were merged into 1 electrode,")
    assert (card["rows"], card["rejects"]) == (2, 0)
    assert card["voltage_steps"] == {"rows": 2, "electrodes": 1, "apart": 0, "first": ""}
    whole = prepare.run(project_of(tmp_path, ["mp-2,,Li,FePO4,LiFePO4,,3.4,169.89,611.6,,,"]), Prepare())
    assert "voltage_steps" not in whole
