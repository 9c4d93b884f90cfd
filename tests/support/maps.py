"""A small made-up map of compositions."""

from __future__ import annotations

import numpy as np
import pandas as pd

FORMULAS = ["LiFePO4", "Li3V2(PO4)3", "NaMnO2", "MgTi2S4"]


def made_up_table() -> pd.DataFrame:
    """40 electrodes with 4 formulas and 3 working ions; one voltage is far outside the rest."""
    n = 40
    rng = np.random.default_rng(0)
    voltage = rng.uniform(2, 4, n)
    voltage[7] = 54.0
    return pd.DataFrame(
        {
            "electrode_id": [f"made-up-{i:02d}" for i in range(n)],
            "formula_discharge": [FORMULAS[i % 4] for i in range(n)],
            "working_ion": [("Li", "Li", "Na", "Mg")[i % 4] for i in range(n)],
            "gravimetric_capacity": rng.uniform(50, 200, n),
            "volumetric_capacity": rng.uniform(200, 900, n),
            "average_voltage": voltage,
        }
    )


def made_up_map(table: pd.DataFrame) -> pd.DataFrame:
    """One place per formula: three clusters with a representative each, and noise."""
    group = np.arange(len(table)) % 4
    return pd.DataFrame(
        {
            "electrode_id": table["electrode_id"],
            "x": 10.0 * group,
            "y": -5.0 * group,
            "cluster": np.where(group == 3, -1, group),
            "representative": np.arange(len(table)) < 3,
        }
    )
