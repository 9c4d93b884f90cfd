"""Small synthetic snapshots in each raw layout."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

EXPLORER_HEADER = (
    "Battery ID,Battery Formula,Working Ion,Formula Charge,Formula Discharge,Max Delta Volume,Average Voltage,"
    "Gravimetric Capacity,Volumetric Capacity,Gravimetric Energy,Volumetric Energy,Atomic Fraction Charge,"
    "Atomic Fraction Discharge,Stability Charge,Stability Discharge,Steps,Max Voltage Step"
)
EXPLORER_ROWS = (
    "synthetic-1_Li,Li0-1FePO4,Li,FePO4,LiFePO4,0.05,3.4,169.89,611.6,577.6,2079.4,0,0.142857,0.01,0,1,0",
    "synthetic-2_Mg,Mg0-0.5MnO2,Mg,MnO2,MgMn2O4,0.04,2.6,270.48,1100,703,2860,0,0.142857,0.03,0.02,2,0.4",
    "synthetic-3_Li,Li0-1CoO2,Li,CoO2,LiCoO2,0.03,4.0,273.84,1380,1095,5520,0,0.25,0.02,0,1,0",
)
EXPLORER_CSV = "\n".join([EXPLORER_HEADER, *EXPLORER_ROWS]) + "\n"

STEPS_CSV = """,battery_id,formula_charge,id_charge,stability_charge,formula_discharge,id_discharge,\
stability_discharge,average_voltage,capacity_grav,capacity_vol,energy_grav,energy_vol,max_delta_volume,working_ion
0,synthetic-1_Li,FePO4,synthetic-10,0.01,LiFePO4,synthetic-11,0.0,3.4,169.89,611.6,577.6,2079.4,0.05,Li
1,synthetic-2_Li,MnO2,synthetic-20,0.03,LiMn2O4,synthetic-21,0.0,4.0,148.23,634.4,592.9,2537.7,0.04,Li
2,synthetic-2_Li,LiMn2O4,synthetic-21,0.0,LiMnO2,synthetic-22,0.02,2.9,142.7,600.0,413.8,1740.0,0.06,Li
"""


def document(**changes: Any) -> dict[str, Any]:
    """An InsertionElectrodeDoc with the published fields; the values are made up."""
    return {
        "battery_type": "insertion",
        "battery_id": "synthetic-1_Li",
        "thermo_type": "GGA_GGA+U",
        "battery_formula": "Li0-1FePO4",
        "working_ion": "Li",
        "num_steps": 1,
        "max_voltage_step": 0.0,
        "last_updated": {"$date": "2025-01-01T00:00:00Z"},
        "framework": {"Fe": 1.0, "P": 1.0, "O": 4.0},
        "framework_formula": "FePO4",
        "elements": ["Fe", "O", "P"],
        "nelements": 3,
        "chemsys": "Fe-O-P",
        "formula_anonymous": "ABC4",
        "warnings": [],
        "formula_charge": "FePO4",
        "formula_discharge": "LiFePO4",
        "max_delta_volume": 0.05,
        "average_voltage": 3.4,
        "capacity_grav": 169.89,
        "capacity_vol": 611.6,
        "energy_grav": 577.6,
        "energy_vol": 2079.4,
        "fracA_charge": 0.0,
        "fracA_discharge": 0.142857,
        "stability_charge": 0.01,
        "stability_discharge": 0.0,
        "id_charge": "synthetic-10",
        "id_discharge": "synthetic-11",
        "material_ids": ["synthetic-10", "synthetic-11"],
        "host_structure": {"@class": "Structure", "lattice": {"a": 4.8}, "sites": []},
        "adj_pairs": [{"formula_charge": "FePO4", "formula_discharge": "LiFePO4", "average_voltage": 3.4}],
        "electrode_object": {"@class": "InsertionElectrode", "voltage_pairs": []},
        "entries_composition_summary": {"all_formulas": ["FePO4", "LiFePO4"]},
        **changes,
    }


@pytest.fixture
def explorer_csv() -> str:
    return EXPLORER_CSV


@pytest.fixture
def steps_csv() -> str:
    return STEPS_CSV


@pytest.fixture
def make_document() -> Any:
    return document


@pytest.fixture
def root(tmp_path: Path, explorer_csv: str) -> Path:
    """A project as a fresh clone has it, with data of the user's own already imported."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / "sample").mkdir()
    (root / "data").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    shutil.copy(ROOT / ".dvcignore", root / ".dvcignore")
    (root / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    shutil.copy(ROOT / "sample" / "electrodes.csv", root / "sample" / "electrodes.csv")
    mine = tmp_path / "mine.csv"
    mine.write_text(explorer_csv)
    shutil.copy(mine, root / "data" / "mine.csv")
    digest = hashlib.md5(mine.read_bytes(), usedforsecurity=False).hexdigest()
    outs = [{"path": "data/mine.csv", "md5": digest, "hash": "md5"}]
    stage = {"md5": "0" * 31 + "a", "deps": [{"path": str(mine)}], "outs": outs}
    (root / "data.dvc").write_text(yaml.safe_dump(stage))
    return root
