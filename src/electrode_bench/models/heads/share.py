"""The extracted share as a distribution over the intervals between fixed thresholds.

The share is nearly discrete: three quarters of the electrodes release all of their ion, most others a simple fraction
of it. Its median minimises the absolute error, so a model predicts the distribution and reports the median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from electrode_bench.core.schema import SHARE_THRESHOLDS


def monotone(cumulative: np.ndarray) -> np.ndarray:
    """Probabilities P(share <= threshold) (n x thresholds), clipped to 0..1 and made non-decreasing in the threshold.

    A row that decreases somewhere becomes the mean of its running maximum from below and its running minimum from
    above, which treats both ends alike.

    Examples
    --------
    >>> monotone(np.array([[0.2, 0.1, 0.4]]))
    array([[0.15, 0.15, 0.4 ]])
    """
    clipped = np.clip(cumulative, 0.0, 1.0)
    from_below = np.maximum.accumulate(clipped, axis=1)
    from_above = np.minimum.accumulate(clipped[:, ::-1], axis=1)[:, ::-1]
    return np.asarray((from_below + from_above) / 2)


def median_share(cumulative: np.ndarray, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The median of each distribution, shape (n,).

    Parameters
    ----------
    cumulative : (n x thresholds) P(share <= threshold), non-decreasing.
    values : (thresholds + 1,) the share that stands for each interval between the thresholds.

    Examples
    --------
    >>> median_share(np.array([[0.1, 0.4], [0.2, 0.6], [0.5, 0.9]]), [0.25, 0.5, 1.0])
    array([1.  , 0.5 , 0.25])
    """
    median: np.ndarray = np.asarray(values, dtype=np.float64)[(cumulative < 0.5).sum(axis=1)]
    return median


@dataclass(frozen=True)
class ShareScale:
    """The intervals that the shares are sorted into.

    Attributes
    ----------
    thresholds : ascending upper ends of all intervals but the last, which ends at 1.
    values : (thresholds + 1,) the share that stands for each interval: the median of the training shares in it, or its
        middle where there are none.
    """

    thresholds: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, shares: np.ndarray, thresholds: Sequence[float] = SHARE_THRESHOLDS) -> Self:
        """From training shares (n,)."""
        edges = [0.0, *thresholds, 1.0]
        interval = np.searchsorted(np.asarray(thresholds), shares, side="left")
        values = [
            float(np.median(shares[interval == i])) if (interval == i).any() else (edges[i] + edges[i + 1]) / 2
            for i in range(len(thresholds) + 1)
        ]
        return cls(tuple(thresholds), tuple(values))

    def below(self, shares: np.ndarray) -> np.ndarray:
        """Whether each share is at most each threshold: 0 or 1, shape (n x thresholds)."""
        return (shares[:, None] <= np.asarray(self.thresholds)[None, :]).astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        return {"thresholds": list(self.thresholds), "values": list(self.values)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(tuple(value["thresholds"]), tuple(value["values"]))
