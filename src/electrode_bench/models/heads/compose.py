"""Predictions of the targets from predictions of the quantities, with their standard deviations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.models.base import Prediction
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.share import ShareScale, median_share


def composed(
    electrodes: Electrodes,
    *,
    cumulative: np.ndarray,
    scale: ShareScale,
    density: np.ndarray,
    density_std: np.ndarray,
    voltage: np.ndarray,
    voltage_std: np.ndarray,
    index: pd.Index,
) -> Prediction:
    """The prediction of n electrodes.

    Where the charged formula is an input, the share is exact and its distribution certain.

    Parameters
    ----------
    cumulative : (n x thresholds) P(share <= threshold), non-decreasing.
    density, density_std : (n,) in g/cm3; standard deviation of its logarithm.
    voltage, voltage_std : (n,) in V.
    """
    if electrodes.exact_share is None:
        share = median_share(cumulative, scale.values)
        # Around the reported median, not the mean.
        mean, variance = scale.mean_and_variance(cumulative)
        share_std = np.sqrt(variance + (mean - share) ** 2)
    else:
        share, share_std = electrodes.exact_share, np.zeros(len(voltage))
        cumulative = scale.below(share)
    targets = Quantities(share, density, voltage).targets(electrodes)
    gravimetric_std = share_std * electrodes.full_capacity
    std = {
        GRAVIMETRIC.key: gravimetric_std,
        VOLUMETRIC.key: density * np.hypot(gravimetric_std, share * electrodes.full_capacity * density_std),
        VOLTAGE.key: voltage_std,
    }
    return Prediction.of(
        targets,
        np.stack([std[name] for name in TARGETS], axis=1),
        index=index,
        targets=list(TARGETS),
        share=cumulative,
        share_values=scale.values,
    )
