"""How often prediction intervals hold the true value, and how the error falls when uncertain answers are rejected.

Everything is cross-fitted: the intervals of a fold's test rows come from a calibration that has seen none of their
compositions, in no protocol.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from electrode_bench.core.schema import COMPARISON_TABLES, ID, TARGETS
from electrode_bench.evaluation.calibration import calibrate
from electrode_bench.evaluation.conformal import average, votes
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
    return pd.concat(list(_cross_fitted(rows, settings, inside=inside, reach=reach)), ignore_index=True)


def _cross_fitted(rows: pd.DataFrame, settings: Intervals, *, inside: str, reach: float) -> Iterator[pd.DataFrame]:
    about = ["protocol", "fold", ID, "composition", "ion", "distance"]
    for _, tested in rows.groupby(["protocol", "fold"], sort=False):
        others = rows[~rows["composition"].isin(set(tested["composition"]))]
        calibration = calibrate(others, settings, inside=inside, reach=reach)
        for level in settings.levels:
            ends = calibration.intervals(
                tested, ion=tested["ion"], limit=tested["limit"], distance=tested["distance"], level=level
            )
            for target in TARGETS:
                yield tested[about].assign(
                    target=target,
                    level=level,
                    y_true=tested[f"{target}_true"],
                    y_pred=tested[target],
                    low=ends[f"{target}_low"],
                    high=ends[f"{target}_high"],
                )


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
    for (protocol, target, level), rows in intervals.groupby(["protocol", "target", "level"], sort=False):
        label = {"ion": rows["ion"], "cluster": rows[ID].map(clusters), "width": _fifths(rows["high"] - rows["low"])}
        groups = [(ALL_ROWS, ALL_ROWS, rows)]
        groups += [(by, group, part) for by, of in label.items() for group, part in rows.groupby(of, sort=True)]
        found += [(protocol, target, level, by, group, *_measured(part)) for by, group, part in groups]
    return pd.DataFrame(found, columns=list(COVERAGE_COLUMNS[1:]))


def _fifths(width: pd.Series) -> pd.Series:
    """Which fifth of the widths each is in, 1 to 5; NaN without an interval."""
    rank = width.rank(method="first")
    return pd.Series(np.ceil(rank / max(width.notna().sum(), 1) * _WIDTHS)).astype("Int64")


def _measured(rows: pd.DataFrame) -> tuple[int, float, float, float, float, float]:
    given = rows[rows["low"].notna()]
    vote, n = votes(given["composition"]), int(given["composition"].nunique())
    held = min(average(covered(given), vote), 1.0)
    low, high = wilson(held, n)
    share = average(rows["low"].notna().to_numpy(), votes(rows["composition"]))
    return (
        int(rows["composition"].nunique()),
        share,
        held,
        low,
        high,
        average((given["high"] - given["low"]).to_numpy(), vote),
    )


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
