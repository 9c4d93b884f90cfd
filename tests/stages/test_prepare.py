"""prepare as a stage: what it says about rows that were read but are probably a slip."""

from __future__ import annotations

from pathlib import Path

from electrode_bench.params import Prepare
from electrode_bench.project import Project
from electrode_bench.stages import prepare

HEADER = (
    "Battery ID,Battery Formula,Working Ion,Formula Charge,Formula Discharge,Max Delta Volume,Average Voltage,"
    "Gravimetric Capacity,Volumetric Capacity,Stability Charge,Stability Discharge,Steps"
)


def test_questioned_rows_are_named_with_their_line_and_many_are_counted(tmp_path: Path) -> None:
    rows = [f"synthetic-{i},,Li,FePo4,LiFePo4,0.05,3.4,{30 + i},590,0,0,1" for i in range(6)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    warnings: list[str] = []
    prepare.run(Project(tmp_path), Prepare(), warn=warnings.append)
    assert warnings[:2] == [
        "x.csv, line 2 (synthetic-0): Po is polonium; did you mean FePO4?",
        "x.csv, line 2 (synthetic-0): Po is polonium; did you mean LiFePO4?",
    ]
    assert warnings[5:] == ["and 7 more formulas like these; correct them in the snapshot"]
