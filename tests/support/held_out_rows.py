"""Made-up held-out rows, with errors that are exchangeable between protocols."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.core.schema import ID, SHARE_THRESHOLDS, share_column

_SHARES = np.array([1 / 3, 0.5, 2 / 3, 1.0])


def held_out_rows(compositions: int, *, seed: int = 0, distribution: bool = True, far: float = 0.2) -> pd.DataFrame:
    """Two rows for most compositions, under grouped folds and under loco.

    The extracted share is drawn from the distribution that the model predicts, the density and the voltage from normal
    distributions whose standard deviations the model knows.

    Parameters
    ----------
    distribution : whether the model predicts the distribution of the share.
    far : share of the compositions that are further than a distance of 1 from the training data.
    """
    rng = np.random.default_rng(seed)
    n = compositions
    probability = rng.dirichlet([0.3, 0.8, 0.3, 2.0], n)
    share = np.array([rng.choice(_SHARES, p=p) for p in probability])
    cumulative = np.array([[p[t >= _SHARES].sum() for t in SHARE_THRESHOLDS] for p in probability])
    median = _SHARES[(np.cumsum(probability, axis=1) < 0.5).sum(axis=1)]
    limit, density, std = rng.uniform(100, 300, n), rng.uniform(2, 5, n), rng.uniform(0.1, 0.6, n)
    voltage = rng.uniform(1, 5, n)
    values = {
        "gravimetric_capacity_true": share * limit,
        "gravimetric_capacity": median * limit,
        "gravimetric_capacity_std": 10.0,
        "volumetric_capacity_true": share * limit * density * np.exp(rng.normal(0, 0.05, n)),
        "volumetric_capacity": median * limit * density,
        "volumetric_capacity_std": 10.0,
        "average_voltage_true": voltage + rng.normal(0, std),
        "average_voltage": voltage,
        "average_voltage_std": std,
    }
    rows = pd.DataFrame(
        {
            ID: [f"made-up-{i:05d}" for i in range(n)],
            "composition": [f"composition {i // 2 if i % 10 == 1 else i}" for i in range(n)],
            "ion": rng.choice(["Li", "Na", "Mg"], n, p=[0.7, 0.25, 0.05]),
            "limit": limit,
            "distance": np.where(rng.uniform(size=n) < far, rng.uniform(1.0, 3.0, n), rng.uniform(0.0, 1.0, n)),
            **values,
        }
    )
    if distribution:
        shares = [share_column(threshold) for threshold in SHARE_THRESHOLDS]
        rows = pd.concat([rows, pd.DataFrame(cumulative, columns=shares)], axis=1)
    parts = []
    for protocol, folds in (("grouped", 5), ("loco", 3)):
        fold = rows["composition"].map({name: i % folds for i, name in enumerate(sorted(set(rows["composition"])))})
        parts.append(rows.assign(protocol=protocol, fold=[f"fold-{i}" for i in fold]))
    return pd.concat(parts, ignore_index=True)
