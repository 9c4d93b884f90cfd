"""Predictions of the targets from predictions of the quantities, with their standard deviations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.models.base import Prediction
from electrode_bench.models.heads.deviation import composed_deviations, share_deviation
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
    names: Sequence[str] = tuple(TARGETS),
) -> Prediction:
    """The prediction of n electrodes.

    Where the charged formula is an input, the share is exact and its distribution certain.

    Parameters
    ----------
    cumulative : (n x thresholds) P(share <= threshold), non-decreasing.
    density, density_std : (n,) in g/cm3; standard deviation of its logarithm.
    voltage, voltage_std : (n,) in V.
    names : the targets, in the order of the prediction's columns.
    """
    if electrodes.exact_share is None:
        share, share_std = median_share(cumulative, scale.values), share_deviation(cumulative, scale.values)
    else:
        share, share_std = electrodes.exact_share, np.zeros(len(voltage))
        cumulative = scale.below(share)
    quantities = Quantities(share, density, voltage)
    deviations = Quantities(share_std, density * density_std, voltage_std)
    return Prediction.of(
        quantities.targets(electrodes, names),
        composed_deviations(quantities, deviations, electrodes, names),
        index=index,
        targets=names,
        share=cumulative,
        share_values=scale.values,
    )
