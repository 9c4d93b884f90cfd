"""Made-up tables of two releases of the data."""

from __future__ import annotations

from typing import Any

import pandas as pd

from electrode_bench.core.schema import ID
from electrode_bench.data import readers
from electrode_bench.data.prepare import prepare
from electrode_bench.params import Prepare


def electrode(battery_id: str, charged: str = "FePO4", discharged: str = "LiFePO4", **changes: Any) -> dict[str, Any]:
    """A raw row; the values are made up."""
    return {
        ID: battery_id,
        "working_ion": "Li",
        "formula_charge": charged,
        "formula_discharge": discharged,
        "gravimetric_capacity": 170.0,
        "volumetric_capacity": 600.0,
        "average_voltage": 3.4,
        "steps": 1,
        **changes,
    }


def release(*rows: dict[str, Any]) -> pd.DataFrame:
    """The canonical table of these rows."""
    numbered = [{"file": "x.csv", "line": line, **row} for line, row in enumerate(rows, 2)]
    frame = pd.DataFrame(numbered, columns=[*readers.SOURCE_COLUMNS, *readers.RAW_COLUMNS], dtype=object)
    frame = frame.where(frame.notna(), None).astype({"line": "int64"})
    rejects = pd.DataFrame(columns=list(readers.REJECT_COLUMNS), dtype=object)
    return prepare(readers.Raw(frame, rejects, "made up"), Prepare()).table


#: An older and a newer release: "same" is in both, "moved" has another voltage, "spelled" another spelling of the same
#: formulas, "refined" a longer range, "gone" is only in the older and "added" only in the newer one.
OLD = release(
    electrode("same"),
    electrode("moved", average_voltage=3.0),
    electrode("spelled", "MnO2", "LiMnO2"),
    electrode("refined", "Li0.5CoO2", "LiCoO2", gravimetric_capacity=137.0),
    electrode("gone", "NiO2", "LiNiO2"),
    electrode("sodium", "MnO2", "NaMnO2", working_ion="Na"),
)
NEW = release(
    electrode("same", average_voltage=3.4005, gravimetric_capacity=170.1),
    electrode("moved", average_voltage=3.5),
    electrode("spelled", "Mn2O4", "Li2Mn2O4"),
    electrode("refined", "CoO2", "LiCoO2", gravimetric_capacity=274.0),
    electrode("added", "VO2", "LiVO2"),
    electrode("sodium", "MnO2", "NaMnO2", working_ion="Na"),
)
