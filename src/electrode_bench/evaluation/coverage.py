"""How often prediction intervals hold the true value, and how the error falls when uncertain answers are rejected.

Everything is cross-fitted: the intervals of a fold's test rows come from a calibration that has seen none of their
compositions, in no protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.rows import positions
from electrode_bench.core.schema import COMPARISON_TABLES, ID, TARGETS
from electrode_bench.evaluation.calibration import calibrated
from electrode_bench.evaluation.conformal import votes
from electrode_bench.evaluation.predicted import HeldOut
from electrode_bench.params import Intervals

#: Columns of ``results/compare/coverage.csv`` and ``rejection.csv``.
COVERAGE_COLUMNS, REJECTION_COLUMNS = COMPARISON_TABLES["coverage"], COMPARISON_TABLES["rejection"]

#: The value of ``by`` and ``group`` for all rows of a protocol.
ALL_ROWS = "all"

#: Shares of the predictions that are rejected.
REJECTED = tuple(step / 20 for step in range(20))

#: How many parts the intervals of a target are sorted into by their width.
_WIDTHS = 5

_NORMAL = 1.959963984540054


def cross_fitted(rows: pd.DataFrame, settings: Intervals, *, inside: str, reach: float) -> pd.DataFrame:
    """The intervals of held-out rows, from calibrations that have seen none of the rows' compositions.

    Parameters
    ----------
    rows : held-out rows of one model under all protocols (:func:`electrode_bench.evaluation.held_out.held_out`).
    inside, reach : see :func:`electrode_bench.evaluation.calibration.calibrate`.

    Returns
    -------
    DataFrame, long: protocol, fold, electrode_id, composition, ion, distance, target, level, y_true, y_pred, low, high
    (NaN where there is no interval), in the target's unit.
    """
    about = ["protocol", "fold", ID, "composition", "ion", "distance"]
    held_out = HeldOut.of(rows, inside=inside)
    order: list[np.ndarray] = []
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("target", "level", "y_true", "y_pred", "low", "high")}
    for _, tested in positions(rows, ["protocol", "fold"]):
        seen = np.zeros(held_out.most, dtype=bool)
        seen[held_out.composition[tested]] = True
        calibration = calibrated(held_out, ~seen[held_out.composition], settings, reach=reach)
        own = held_out.take(tested)
        ends = calibration.ends(own.predicted, own.ions[own.ion], settings.levels)
        for level, target in product(settings.levels, TARGETS):
            order.append(tested)
            low, high = ends[level][target]
            values = (target, level, own.true[target], own.predicted.values[target], low, high)
            for name, value in zip(columns, values, strict=True):
                columns[name].append(np.broadcast_to(np.asarray(value), len(tested)))
    long = rows[about].take(np.concatenate(order)).reset_index(drop=True)
    return long.assign(**{name: np.concatenate(parts) for name, parts in columns.items()})


def coverage(intervals: pd.DataFrame, clusters: pd.Series) -> pd.DataFrame:
    """Nominal and measured coverage of one model: :data:`COVERAGE_COLUMNS` without the model.

    Each distinct composition has one vote. ``by`` is "all", "ion", "cluster" or "width" and ``group`` one of them; by
    width, the intervals of a target are sorted into fifths, the narrowest first. ``n`` is the number of compositions
    and ``share`` the share of them that has an interval. ``coverage`` and ``width`` (the mean, in the target's unit)
    are of those. ``low`` and ``high`` are the 95% interval of the coverage (Wilson's) for so many compositions.

    Parameters
    ----------
    intervals : see :func:`cross_fitted`.
    clusters : cluster label by electrode id, -1 for noise.
    """
    found = []
    for protocol, rows in intervals.groupby("protocol", sort=False):
        groups = _Groups.of(rows, rows[ID].map(clusters))
        for (target, level), at in positions(rows, ["target", "level"]):
            measured = groups.measured(at)
            found += [(protocol, target, level, *row) for row in measured]
    return pd.DataFrame(found, columns=list(COVERAGE_COLUMNS[1:]))


@dataclass(frozen=True)
class _Groups:
    """The intervals (n) of one protocol, with the groups that each belongs to.

    Attributes
    ----------
    composition : (n,) a number for each composition, below ``most``.
    labels : by what the groups are made of, a number (n,) for each group, -1 for none, and the groups' names.
    """

    low: np.ndarray
    high: np.ndarray
    covered: np.ndarray
    composition: np.ndarray
    most: int
    labels: Mapping[str, tuple[np.ndarray, Sequence[Any]]]

    @classmethod
    def of(cls, rows: pd.DataFrame, cluster: pd.Series) -> Self:
        composition, distinct = pd.factorize(rows["composition"])
        labels: dict[str, tuple[np.ndarray, Any]] = {
            ALL_ROWS: (np.zeros(len(rows), dtype=int), [ALL_ROWS]),
            "ion": pd.factorize(rows["ion"], sort=True),
            "cluster": pd.factorize(cluster, sort=True),
        }
        return cls(rows["low"].to_numpy(), rows["high"].to_numpy(), covered(rows), composition, len(distinct), labels)

    def measured(self, at: np.ndarray) -> Iterator[tuple[Any, ...]]:
        """``by``, ``group`` and the columns from ``n`` on, for each group that some of the rows (positions) are in."""
        width = self.high[at] - self.low[at]
        labels = {by: (label[at], names) for by, (label, names) in self.labels.items()}
        labels["width"] = (_fifths(width), range(1, _WIDTHS + 1))
        given = ~np.isnan(self.low[at])
        composition, held = self.composition[at], self.covered[at]
        for by, (label, names) in labels.items():
            # Those of no group are counted in a group of their own, which is left out.
            each = np.where(label < 0, len(names), label)
            vote, n = self._votes(each, composition, len(names) + 1)
            own, with_interval = self._votes(each[given], composition[given], len(names) + 1)
            sums = {
                name: np.bincount(groups, weights=weights, minlength=len(names) + 1)
                for name, groups, weights in (
                    ("rows", each, vote),
                    ("given", each[given], vote[given]),
                    ("votes", each[given], own),
                    ("held", each[given], own * held[given]),
                    ("width", each[given], own * width[given]),
                )
            }
            with np.errstate(invalid="ignore"):
                share = sums["given"] / sums["rows"]
                coverage_of = np.minimum(sums["held"] / sums["votes"], 1.0)
                mean_width = sums["width"] / sums["votes"]
            for i, name in enumerate(names):
                if n[i]:
                    low, high = wilson(float(coverage_of[i]), int(with_interval[i]))
                    yield by, name, int(n[i]), share[i], coverage_of[i], low, high, mean_width[i]

    def _votes(self, group: np.ndarray, composition: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
        """The share of its composition's vote that each row has within its group, and each group's compositions."""
        pair = group * self.most + composition
        counts = np.bincount(pair, minlength=groups * self.most)
        return 1.0 / counts[pair], (counts.reshape(groups, self.most) > 0).sum(axis=1)


def _fifths(width: np.ndarray) -> np.ndarray:
    """Which fifth of the widths (n,) each is in, 0 to 4, the first for the narrowest; -1 without an interval."""
    known = np.flatnonzero(~np.isnan(width))
    out = np.full(len(width), -1)
    rank = np.arange(1, len(known) + 1)
    out[known[np.argsort(width[known], kind="stable")]] = np.ceil(rank / max(len(known), 1) * _WIDTHS) - 1
    return out


def covered(rows: pd.DataFrame) -> np.ndarray:
    """Whether each true value lies within its interval (n,); at an end it does, up to rounding."""
    true, low, high = (rows[column].to_numpy(dtype=float) for column in ("y_true", "low", "high"))
    rounding = 1e-9 * np.abs(true)
    return np.asarray((true >= low - rounding) & (true <= high + rounding))


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95% interval of a share that was measured on n independent cases; NaN for none.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson(0.9, 100)
    >>> round(low, 3), round(high, 3)
    (0.826, 0.945)
    """
    if n == 0:
        return float("nan"), float("nan")
    z = _NORMAL
    # A weighted mean of zeros and ones may leave [0, 1] by a rounding error: the square root would be of a negative.
    share = min(max(share, 0.0), 1.0)
    centre = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))
    # The interval always holds the share; without this, rounding puts an end on the wrong side of 0 or 1.
    return max(min(low, share), 0.0), min(max(high, share), 1.0)


def rejection(intervals: pd.DataFrame, level: float) -> pd.DataFrame:
    """Error against the share of rejected predictions, for one model: :data:`REJECTION_COLUMNS` without the model.

    Predictions are rejected from the least certain one on: by the width of the interval, where none is the widest, or
    by the distance to the nearest training composition. ``mae`` is of those that remain, with one vote for each
    composition, and ``relative`` is its quotient with that of all.

    Parameters
    ----------
    intervals : see :func:`cross_fitted`.
    level : that of the intervals.
    """
    found = []
    for (protocol, target), rows in intervals[intervals["level"] == level].groupby(["protocol", "target"], sort=False):
        error, vote = (rows["y_pred"] - rows["y_true"]).abs().to_numpy(), votes(rows["composition"])
        width = (rows["high"] - rows["low"]).fillna(np.inf)
        for name, uncertainty in (("width", width), ("distance", rows["distance"])):
            kept = rejection_curve(error, uncertainty.to_numpy(dtype=float), vote, REJECTED)
            for rejected, mae in zip(REJECTED, kept, strict=True):
                relative = mae / kept[0] if kept[0] > 0 else np.nan
                found.append((protocol, target, name, rejected, mae, relative))
    return pd.DataFrame(found, columns=list(REJECTION_COLUMNS[1:]))


def rejection_curve(
    error: np.ndarray, uncertainty: np.ndarray, vote: np.ndarray, rejected: tuple[float, ...] = REJECTED
) -> np.ndarray:
    """The mean error of the predictions that remain when the most uncertain ones are rejected, one for each share.

    Parameters
    ----------
    error, uncertainty, vote : (n,). Where uncertainties are equal, their mean error counts, in whatever order they are.

    Examples
    --------
    >>> rejection_curve(np.array([1.0, 2.0, 6.0]), np.array([0.1, 0.2, 0.3]), np.ones(3), (0.0, 1 / 3, 2 / 3))
    array([3. , 1.5, 1. ])
    """
    frame = pd.DataFrame({"uncertainty": uncertainty, "error": error * vote, "vote": vote})
    steps = frame.groupby("uncertainty", sort=True)[["error", "vote"]].sum()
    # A group of equal uncertainties that is kept in part counts with the mean of its errors.
    total = np.concatenate([[0.0], steps["vote"].cumsum()])
    errors = np.concatenate([[0.0], steps["error"].cumsum()])
    kept = total[-1] * (1.0 - np.asarray(rejected))
    return np.asarray(np.interp(kept, total, errors) / kept)


def rejection_area(error: np.ndarray, uncertainty: np.ndarray, vote: np.ndarray) -> float:
    """The mean of the rejection curve over the error of all: 1 for a ranking that says nothing, lower is better."""
    curve = rejection_curve(error, uncertainty, vote, tuple(np.arange(100) / 100))
    return float(curve.mean() / curve[0])
