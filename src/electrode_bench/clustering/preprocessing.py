"""What an embedding starts from: scaled features, and their principal components.

An embedding is chaotic: a change in the last bit of a distance can move a cluster. So no result of the BLAS enters it
unrounded.
"""

from __future__ import annotations

import numpy as np

from electrode_bench.core.imputation import BELOW_UNIT_RANGE, impute

#: Decimals that are kept of coordinates and loadings.
COORDINATE_DIGITS = 4


def scale(values: np.ndarray) -> np.ndarray:
    """Scale columns to 0..1, and drop those that are the same in all rows.

    A missing value (-inf) is imputed half a range below the smallest: it differs from every present value, but no more
    than these differ from each other.
    """
    missing = np.isneginf(values)
    varies = (values != values[0]).any(axis=0)
    missing, present = missing[:, varies], np.where(missing, np.nan, values)[:, varies]
    low, width = np.nanmin(present, axis=0), np.nanmax(present, axis=0) - np.nanmin(present, axis=0)
    return impute((present - low) / np.where(width > 0, width, 1.0), missing, BELOW_UNIT_RANGE)


def principal_components(values: np.ndarray) -> np.ndarray:
    """The first two principal components (n x 2), the first with standard deviation 1, rounded.

    Rounding removes the digits that depend on the linear algebra library; the largest loading decides the sign.
    """
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    # Loadings may tie (a range and a minimum can mirror each other). After rounding, the first of them is used.
    largest = np.round(np.abs(axes), COORDINATE_DIGITS).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    scores = centred @ axes
    if scores.shape[1] == 1:
        scores = np.column_stack([scores, np.zeros(len(scores))])
    return np.asarray(np.round(scores / scores[:, 0].std(), COORDINATE_DIGITS) + 0.0)
