"""Missing features: how every part of the program replaces them.

A feature may be undefined for a composition (NaN). It is imputed as a constant outside the range of the scaled values,
so that a missing value differs from every present one. The constant depends on how the features are scaled.
"""

from __future__ import annotations

import numpy as np

#: For features scaled to 0..1 over their rows: half a range below the smallest value.
BELOW_UNIT_RANGE = -0.5
#: For features scaled to -0.5..0.5: the same distance, as MODNet imputes them.
BELOW_CENTRED_RANGE = -1.0
#: For features scaled to mean 0 and standard deviation 1: below almost every value.
BELOW_STANDARDISED = -5.0


def impute(scaled: np.ndarray, missing: np.ndarray, value: float | np.ndarray) -> np.ndarray:
    """Scaled features in which missing ones have a constant value.

    Parameters
    ----------
    scaled : (n x features) scaled features; what they hold where ``missing`` is True does not matter.
    missing : (n x features) True where a feature is missing.
    value : what a missing feature is imputed as: one number, or one for each feature.

    Examples
    --------
    >>> impute(np.array([[0.0, np.nan], [1.0, 0.25]]), np.array([[False, True], [False, False]]), BELOW_UNIT_RANGE)
    array([[ 0.  , -0.5 ],
           [ 1.  ,  0.25]])
    """
    return np.where(missing, value, scaled)
