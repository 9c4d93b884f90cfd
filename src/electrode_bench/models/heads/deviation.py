"""Standard deviations of the targets from those of extracted share, density and voltage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE, VOLUMETRIC
from electrode_bench.models.heads.quantities import Electrodes, Quantities


def share_deviation(cumulative: np.ndarray, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The standard deviation of each distribution of the share, shape (n,).

    Parameters
    ----------
    cumulative : (n x thresholds) P(share <= threshold), non-decreasing.
    values : (thresholds + 1,) the share that stands for each interval between the thresholds.

    Examples
    --------
    >>> share_deviation(np.array([[0.0, 0.5], [1.0, 1.0]]), [0.25, 0.5, 1.0])
    array([0.25, 0.  ])
    """
    probability = np.diff(cumulative, axis=1, prepend=0.0, append=1.0)
    at = np.asarray(values, dtype=np.float64)
    # Not matrix products: their last bits would depend on the other rows.
    mean = (probability * at).sum(axis=1)
    return np.asarray(np.sqrt((probability * (at - mean[:, None]) ** 2).sum(axis=1)))


def composed_deviations(
    quantities: Quantities, deviations: Quantities, electrodes: Electrodes, names: Sequence[str]
) -> np.ndarray:
    """Standard deviations of the targets (n x names), each in its unit.

    The errors of share and density are taken as independent, so that the volumetric capacity has the variance of a
    product of independent factors.

    Parameters
    ----------
    quantities, deviations : predicted values and their standard deviations.
    """
    gravimetric = quantities.share * electrodes.full_capacity
    spread = deviations.share * electrodes.full_capacity
    volumetric = np.sqrt(
        (quantities.density * spread) ** 2
        + (gravimetric * deviations.density) ** 2
        + (spread * deviations.density) ** 2
    )
    composed = {GRAVIMETRIC.key: spread, VOLUMETRIC.key: volumetric, VOLTAGE.key: deviations.voltage}
    return np.stack([composed[name] for name in names], axis=1)
