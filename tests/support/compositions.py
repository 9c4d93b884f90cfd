"""Made-up compositions in groups, for tests of the map."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.params import DBSCAN, TSNE, Map

METALS = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo"]
PARAMS = Map(tsne=TSNE(perplexity=10, max_iter=500), dbscan=DBSCAN(clusters=4, min_samples=4))

#: The same, with half of the compositions embedded.
SAMPLED = PARAMS.model_copy(update={"exact": 60})


def made_up(groups: int = 4, each: int = 30, *, width: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Table, features and true group: ``groups`` of ``each`` compositions, every third on two electrodes."""
    rng = np.random.default_rng(3)
    rows = []
    for group in range(groups):
        centre = rng.normal(size=6)
        for i in range(each):
            features = centre + width * rng.normal(size=6)
            formula = f"Li{i + 1}{METALS[group]}{i % 7 + 1}O{group + 2}"
            rows += [(formula, group, features)] * (2 if i % 3 == 0 else 1)
    ids = [f"made-up-{k:03d}" for k in rng.permutation(len(rows))]
    table = pd.DataFrame(
        {
            "electrode_id": ids,
            "formula_discharge": [r[0] for r in rows],
            "working_ion": ["Li" if r[1] else "Na" for r in rows],
        }
    ).sort_values("electrode_id", ignore_index=True)
    features = pd.DataFrame([r[2] for r in rows], index=ids).assign(constant=1.0)
    features.columns = [f"f{j}" for j in range(features.shape[1])]
    return table, features, pd.Series([r[1] for r in rows], index=ids)
