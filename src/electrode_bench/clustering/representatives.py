"""The electrode that represents each cluster."""

from __future__ import annotations

from typing import Any

import pandas as pd

from electrode_bench.clustering import elmd


def representatives(formulas: pd.Series, clusters: pd.Series) -> list[Any]:
    """The id of the electrode that represents each cluster 0, 1, ...

    The ElMD mean representative is the formula with the smallest mean element mover's distance to the cluster's other
    formulas. Each distinct formula counts once, and ties are resolved by name. Of the cluster's electrodes with that
    formula, the one with the smallest id is used.

    Parameters
    ----------
    formulas, clusters : discharged formula and cluster of each electrode, indexed by electrode_id.
    """
    chosen = []
    for number in range(int(clusters.max()) + 1):
        members = formulas[clusters == number]
        formula = elmd.mean_representative(sorted(set(members)))
        chosen.append(members.index[members == formula].min())
    return chosen
