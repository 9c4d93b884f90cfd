"""Intervals of weighted means, from drawing whole groups of rows with replacement.

The interval is BCa (B. Efron, J. Am. Stat. Assoc. 82, 171 (1987), doi:10.1080/01621459.1987.10478410), as in
scipy.stats.bootstrap. Many means over the same rows share their draws, and the means of each draw are one product of
matrices. The mean without one group follows from two sums, so the time grows with the number of groups and not with its
square (decision 39).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

#: The ends of a 95% interval, in standard deviations of the normal distribution.
_ENDS = (-1.959963984540054, 1.959963984540054)

#: How many counts are held at once: 64 MB.
_MOST = 8_000_000


def group_sums(values: np.ndarray, *, weight: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of weighted values (groups x k) and of weights (groups,) within each group.

    Parameters
    ----------
    values : (n x k).
    weight : (n,) positive.
    group : (n,) group of each row.
    """
    sums = pd.DataFrame(np.column_stack([values * weight[:, None], weight])).groupby(group).sum().to_numpy()
    return sums[:, :-1], sums[:, -1]


def intervals(
    total: np.ndarray, mass: np.ndarray, *, seed: int, resamples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k weighted means and the lower and upper ends of their 95% intervals, (k,) each.

    An end is NaN where there is a single group. Where all groups have the same mean, the interval is that point.

    Parameters
    ----------
    total, mass : (groups x k) and (groups,), as :func:`group_sums` gives them.
    seed : of the draws, which all k means share.
    resamples : number of draws.
    """
    return bca(total, mass, drawn_means(total, mass, seed=seed, resamples=resamples))


def bca(total: np.ndarray, mass: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What :func:`intervals` returns, from draws that were made before.

    Parameters
    ----------
    total, mass : (groups x k) and (groups,).
    drawn : (resamples x k) means of the draws.
    """
    from scipy.special import ndtr, ndtri

    estimate = total.sum(axis=0) / mass.sum()
    low, high = np.full((2, len(estimate)), np.nan)
    if len(mass) < 2:
        return estimate, low, high
    varies = np.ptp(total / mass[:, None], axis=0) > 1e-12 * np.maximum(1.0, np.abs(estimate))
    low[~varies] = high[~varies] = estimate[~varies]
    if varies.any():
        total, about, drawn = total[:, varies], estimate[varies], drawn[:, varies]
        without = (total.sum(axis=0) - total) / (mass.sum() - mass)[:, None]
        moved = without.mean(axis=0) - without
        acceleration = np.power(moved, 3).sum(axis=0) / (6 * np.square(moved).sum(axis=0) ** 1.5)
        bias = ndtri(((drawn < about).mean(axis=0) + (drawn <= about).mean(axis=0)) / 2)
        for ends, z in ((low, _ENDS[0]), (high, _ENDS[1])):
            with np.errstate(invalid="ignore"):
                share = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
            ends[varies] = [
                np.quantile(column, one) if np.isfinite(one) else np.nan
                for column, one in zip(drawn.T, share, strict=True)
            ]
    return estimate, low, high


def drawn_means(total: np.ndarray, mass: np.ndarray, *, seed: int, resamples: int) -> np.ndarray:
    """The k means of each draw (resamples x k); parameters as of :func:`intervals`."""
    return np.concatenate(list(_drawn(total, mass, seed=seed, resamples=resamples)))


def first_places(drawn: np.ndarray) -> np.ndarray:
    """In which share of the draws each of k errors is the smallest (k,); equal ones share the place.

    >>> first_places(np.array([[1.0, 2.0], [3.0, 3.0]])).tolist()
    [0.75, 0.25]
    """
    smallest = drawn == drawn.min(axis=1, keepdims=True)
    share: np.ndarray = (smallest / smallest.sum(axis=1, keepdims=True)).mean(axis=0)
    return share


def _drawn(total: np.ndarray, mass: np.ndarray, *, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """The means (resamples x k) of groups drawn with replacement, some resamples at a time."""
    from threadpoolctl import threadpool_limits

    rng, n = np.random.default_rng(seed), len(mass)
    step = max(1, min(200, _MOST // n))
    # On several threads, the last bits of a product may depend on how many there are.
    with threadpool_limits(1):
        for start in range(0, resamples, step):
            many = min(step, resamples - start)
            rows = rng.integers(0, n, (many, n)) + n * np.arange(many)[:, None]
            counts = np.bincount(rows.ravel(), minlength=many * n).reshape(many, n).astype(float)
            yield (counts @ total) / (counts @ mass)[:, None]
