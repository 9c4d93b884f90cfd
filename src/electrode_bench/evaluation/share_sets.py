"""Sets of extracted shares that grow from the most central interval of the distribution to all of 0..1.

The extracted share is nearly discrete, and three quarters of the electrodes release all of their ion. An interval that
is symmetric around a prediction is therefore much wider than it needs to be. Here a set holds every interval between
thresholds whose probability is at least a cut-off, and what lies between those. Where full extraction is certain, the
set is one point. Sets of this kind have the smallest mean size at a given coverage (M. Sadinle, J. Lei, L. Wasserman,
J. Am. Stat. Assoc. 114, 223 (2019), doi:10.1080/01621459.2017.1395341).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from electrode_bench.core.schema import SHARE_THRESHOLDS

_EDGES = np.array([0.0, *SHARE_THRESHOLDS, 1.0])
_INTERVALS = len(_EDGES) - 1

#: Votes that the distribution of all shares counts as, beside those with a similar prediction.
_PRIOR_VOTES = 2.0

#: Rounding of shares, which are quotients of two capacities.
_TINY = 1e-9


def interval_of(share: np.ndarray) -> np.ndarray:
    """The interval between thresholds, 0 to 11, that each share (n,) lies in."""
    return np.searchsorted(np.asarray(SHARE_THRESHOLDS), np.asarray(share) - _TINY, side="left")


@dataclass(frozen=True)
class ShareSets:
    """What the sets of one model are built from.

    Attributes
    ----------
    low, high : for each interval between thresholds, the smallest and the largest share in it that the calibration
        rows have. A set from the interval of 1/2 to that of 1 reaches from 0.5 to 1.
    distribution : P(interval of the true share | interval of the predicted share), for a model that predicts no
        distribution of its own; None for one that does.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    distribution: tuple[tuple[float, ...], ...] | None

    @classmethod
    def learn(cls, share: np.ndarray, vote: np.ndarray, *, predicted: np.ndarray | None) -> Self:
        """From the true shares (n,) of calibration rows.

        Parameters
        ----------
        vote : (n,) share of its composition's one vote that each row has.
        predicted : (n,) predicted shares of a model that predicts no distribution; None for one that does.
        """
        at = interval_of(share)
        low, high = _EDGES[:-1].copy(), _EDGES[1:].copy()
        for i in np.unique(at):
            low[i], high[i] = share[at == i].min(), share[at == i].max()
        return cls(tuple(low.tolist()), tuple(high.tolist()), _learned(at, vote, predicted))

    def outlyingness(self, cumulative: np.ndarray | None, predicted: np.ndarray) -> np.ndarray:
        """At which cut-off each interval between thresholds enters each set, (n x 12), from 0 to 1.

        It is 1 minus the interval's probability, or minus that of a more probable one further out, and 0 for the
        interval of the median.

        Parameters
        ----------
        cumulative : (n x thresholds) P(share <= threshold); None for a model that predicts no distribution.
        predicted : (n,) predicted shares; read for such a model only.
        """
        if cumulative is not None:
            return outlyingness_of(cumulative)
        assert self.distribution is not None
        distribution = np.asarray(self.distribution)
        # One row for each interval of the predicted share.
        by_interval = _outlyingness(distribution, np.cumsum(distribution, axis=1)[:, :-1])
        return np.asarray(by_interval[interval_of(np.clip(predicted, 0.0, 1.0))])

    def score(self, share: np.ndarray, outlyingness: np.ndarray, *, margin: np.ndarray | None = None) -> np.ndarray:
        """The smallest cut-off whose set holds each share, shape (n,).

        Parameters
        ----------
        share : (n,) shares, which may be above 1 where a margin is given.
        margin : (n,) by which factor exp(margin) the ends of a set move outwards for each unit of the cut-off; None
            for no margin.
        """
        low, high = np.asarray(self.low)[None, :], np.asarray(self.high)[None, :]
        at = np.asarray(share)[:, None]
        if margin is None:
            short = np.where(at >= low - _TINY, 0.0, np.inf)
            beyond = np.where(at <= high + _TINY, 0.0, np.inf)
        else:
            scale = np.asarray(margin)[:, None]
            # The lowest interval may begin at a share of 0.
            with np.errstate(divide="ignore", invalid="ignore"):
                short = np.maximum(np.log(low / at), 0.0) / scale
                beyond = np.maximum(np.log(at / high), 0.0) / scale
        from_below = np.maximum(outlyingness, short).min(axis=1)
        from_above = np.maximum(outlyingness, beyond).min(axis=1)
        return np.asarray(np.maximum(from_below, from_above))

    def ends(self, cutoff: np.ndarray, outlyingness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest share in each set, (n,) each, without a margin."""
        inside = outlyingness <= cutoff[:, None]
        first, last = inside.argmax(axis=1), _INTERVALS - 1 - inside[:, ::-1].argmax(axis=1)
        return np.asarray(self.low)[first], np.asarray(self.high)[last]

    def to_json(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "distribution": self.distribution}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        rows = value["distribution"]
        distribution = None if rows is None else tuple(tuple(row) for row in rows)
        return cls(tuple(value["low"]), tuple(value["high"]), distribution)


def outlyingness_of(cumulative: np.ndarray) -> np.ndarray:
    """:meth:`ShareSets.outlyingness` for a model that predicts the distribution; it is the same in all its sets."""
    return _outlyingness(np.diff(cumulative, axis=1, prepend=0.0, append=1.0), cumulative)


def _outlyingness(probability: np.ndarray, cumulative: np.ndarray) -> np.ndarray:
    median = (cumulative < 0.5).sum(axis=1)[:, None]
    above = np.maximum.accumulate(probability[:, ::-1], axis=1)[:, ::-1]
    below = np.maximum.accumulate(probability, axis=1)
    position = np.arange(_INTERVALS)[None, :]
    outlying = 1.0 - np.where(position > median, above, below)
    return np.where(position == median, 0.0, outlying)


def _learned(at: np.ndarray, vote: np.ndarray, predicted: np.ndarray | None) -> tuple[tuple[float, ...], ...] | None:
    if predicted is None:
        return None
    counts = np.zeros((_INTERVALS, _INTERVALS))
    np.add.at(counts, (interval_of(np.clip(predicted, 0.0, 1.0)), at), vote)
    total = counts.sum()
    # Without any row, all intervals are equally probable.
    counts += _PRIOR_VOTES * (counts.sum(axis=0) / total if total > 0 else 1 / _INTERVALS)
    return tuple(tuple(row) for row in (counts / counts.sum(axis=1, keepdims=True)).tolist())
