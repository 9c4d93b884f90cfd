"""The best candidates and the Pareto front of those seen so far."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.core.schema import VOLTAGE
from electrode_bench.inference.screened import ANODE_VOLTAGE
from electrode_bench.inference.screening.evaluation import FRONT_ENERGY, SCORE


def best(rows: pd.DataFrame, top: int) -> pd.DataFrame:
    """The ``top`` rows by score, best first.

    Rows without a score come last, by predicted value. Ties are broken by formula.
    """
    order = rows.sort_values([SCORE, "value", "formula", "line"], ascending=[False, False, True, True], kind="stable")
    return order.head(top)


def pareto(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows for which no other row has more energy at no higher voltage, or as much at a lower one; by voltage.

    That is, for every upper limit of the voltage, the row with the most energy. Rows below ANODE_VOLTAGE and rows
    without an energy to count with are left out. Rows that are equal in both are all on the front.
    """
    cathodes = rows[(rows[VOLTAGE.key] >= ANODE_VOLTAGE) & rows[FRONT_ENERGY].notna()]
    order = cathodes.sort_values([VOLTAGE.key, FRONT_ENERGY, "formula", "line"], ascending=[True, False, True, True])
    if order.empty:
        return order
    energy, voltage = order[FRONT_ENERGY].to_numpy(dtype=float), order[VOLTAGE.key].to_numpy(dtype=float)
    before = np.concatenate([[-np.inf], np.maximum.accumulate(energy)[:-1]])
    first = energy > before
    # Of equal rows the first one is on the front; the others follow it directly.
    same = np.concatenate([[False], (energy[1:] == energy[:-1]) & (voltage[1:] == voltage[:-1])])
    group = np.cumsum(~same)
    return order[np.isin(group, group[first])]
