"""Made-up rows of comparison tables."""

from __future__ import annotations

import pandas as pd

from electrode_bench.core.schema import TARGETS


def pairs_with_control(high: float) -> pd.DataFrame:
    """The forest against the control under grouped folds: differences of -1, with intervals from -2 to ``high``.

    The difference is significant for both capacities and not for the voltage.
    """
    row = {"protocol": "grouped", "model": "rf_magpie", "other": "control", "mae": 1.0, "other_mae": 2.0}
    rows = [{**row, "target": target, "difference": -1.0, "low": -2.0, "high": high} for target in TARGETS]
    return pd.DataFrame(rows).assign(different=lambda frame: frame["target"] != "average_voltage")
