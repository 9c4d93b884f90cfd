"""Which features a network reads: relevance to a target against redundancy among them, by mutual information.

After P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2 (equations 1 to 4, with the published dynamic weights). Mutual information is
estimated from the distances to nearest neighbours: A. Kraskov, H. Stögbauer, P. Grassberger, Phys. Rev. E 69, 066138
(2004), algorithm 1. The numbers are scikit-learn's `mutual_info_regression`, and with them those of the modnet package
0.4.5, for the same seed (benchmarks/parity); only the search is another: neighbours are found on two sorted lists
instead of a tree for each pair, and only pairs that the selection asks for are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numba
import numpy as np
import pandas as pd

#: Neighbours in the estimate of the mutual information.
NEIGHBOURS = 3
#: Features with less information than this about themselves, in nats, are left out of the selection.
ENTROPY_THRESHOLD = 0.2
#: Ties are broken by noise of this size relative to the scaled values (scikit-learn's).
_NOISE = 1e-10
#: Points to either side that a first bound is taken from.
_BESIDE = 8
#: The narrowest range of a feature that varies.
_RANGE = 1e-16


class Redundancy(Protocol):
    """What :func:`rank` asks of the features' mutual information: see :class:`CrossNMI`."""

    names: list[str]

    def row(self, position: int) -> np.ndarray: ...


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The features without missing values.

    When one is missing anywhere, every column is scaled to -0.5..0.5 and missing values stand at -1, apart
    from all others; else the features are returned as they are.
    """
    values = frame.to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    if not missing.any():
        return frame
    from sklearn.preprocessing import MinMaxScaler

    # A column without any value has no range.
    empty = missing.all(axis=0)
    values = np.where(empty, 0.0, values)
    scaled = MinMaxScaler(feature_range=(-0.5, 0.5)).fit_transform(values)
    return pd.DataFrame(np.where(missing, -1.0, scaled), index=frame.index, columns=frame.columns)


class CrossNMI:
    """Normalised mutual information between features, computed when asked for.

    Parameters
    ----------
    frame : n rows x features, without missing values (:func:`filled`).
    seed : of the noise that breaks ties; must not be 0, which means "unseeded" to the modnet package.

    ``names`` are the features that carry information; ``entropy`` has each feature's information about itself, in
    nats.
    """

    def __init__(self, frame: pd.DataFrame, *, seed: int) -> None:
        values = frame.to_numpy(dtype=np.float64)
        n = len(values)
        noise = np.random.RandomState(seed).standard_normal(2 * n)
        scaled = _scaled(values)
        level = _NOISE * np.maximum(1.0, np.abs(scaled).mean(axis=0))
        first = np.asfortranarray(scaled + level * noise[:n, None])
        second = np.asfortranarray(scaled + level * noise[n:, None])
        self._digamma = _digamma(n)
        self._first, self._first_order = first, np.asfortranarray(np.argsort(first, axis=0, kind="stable"))
        self._second, self._second_order = second, np.asfortranarray(np.argsort(second, axis=0, kind="stable"))
        own = np.array([self._information(j, j) for j in range(values.shape[1])])
        informative = (own >= ENTROPY_THRESHOLD) & (np.ptp(values, axis=0) >= _RANGE)
        self.entropy = pd.Series(own, index=frame.columns)
        self._columns = np.flatnonzero(informative)
        self._own = own
        self._rows: dict[int, np.ndarray] = {}
        self._known: dict[tuple[int, int], float] = {}
        self.names = [str(c) for c in frame.columns[informative]]

    def row(self, position: int) -> np.ndarray:
        """The feature at a position in ``names`` against all of ``names``, shape (len(names),); 1 with itself."""
        if position not in self._rows:
            self._rows[position] = np.array([self._pair(position, other) for other in range(len(self.names))])
        return self._rows[position]

    def matrix(self) -> pd.DataFrame:
        """All of ``names`` against all."""
        values = np.array([self.row(i) for i in range(len(self.names))]).reshape(len(self.names), len(self.names))
        return pd.DataFrame(values, index=self.names, columns=self.names)

    def _pair(self, a: int, b: int) -> float:
        if a == b:
            return 1.0
        if a > b:
            return self._pair(b, a)
        if (a, b) not in self._known:
            i, j = self._columns[a], self._columns[b]
            self._known[a, b] = self._information(i, j) / (0.5 * (self._own[i] + self._own[j]))
        return self._known[a, b]

    def _information(self, i: int, j: int) -> float:
        return float(
            _mutual_information(
                self._first[:, i], self._first_order[:, i], self._second[:, j], self._second_order[:, j], self._digamma
            )
        )


def target_nmi(frame: pd.DataFrame, target: np.ndarray, *, seed: int, cross: CrossNMI | None = None) -> pd.Series:
    """Normalised mutual information of each feature with a target, by feature.

    Parameters
    ----------
    frame : n rows x features, which may miss values: to be equal, or constant, is asked of them as they are, and then
        they are :func:`filled`. Of equal columns the first counts; constant ones are left out.
    target : (n,).
    cross : the filled features' :class:`CrossNMI` with the same seed, whose entropies are then not computed again.
    """
    frame = frame.loc[:, (frame != frame.iloc[0]).any()]
    if frame.shape[1] == 0:
        return pd.Series(dtype=np.float64)
    frame = filled(frame.loc[:, ~pd.DataFrame(frame.to_numpy().T).duplicated().to_numpy()])
    n = len(target)
    rng = np.random.RandomState(seed)
    scaled = _scaled(frame.to_numpy(dtype=np.float64))
    x = scaled + _NOISE * np.maximum(1.0, np.abs(scaled).mean(axis=0)) * rng.standard_normal(scaled.shape)
    y_scaled = _scaled(target[:, None])[:, 0]
    level = _NOISE * max(1.0, float(np.abs(y_scaled).mean()))
    y = y_scaled + level * rng.standard_normal(n)
    table, order = _digamma(n), np.argsort(y, kind="stable")
    information = np.array(
        [_mutual_information(np.ascontiguousarray(c), np.argsort(c, kind="stable"), y, order, table) for c in x.T]
    )
    entropy = (CrossNMI(frame, seed=seed) if cross is None else cross).entropy.loc[frame.columns].to_numpy()
    own = CrossNMI(pd.DataFrame({"target": target}), seed=seed).entropy.iloc[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        nmi = information / ((own + entropy) / 2)
    return pd.Series(np.where(np.isfinite(nmi), nmi, 0.0), index=[str(c) for c in frame.columns])


def rank(relevance: pd.Series, cross: Redundancy, *, number: int) -> list[str]:
    """The first ``number`` features by relevance over redundancy, best first.

    The most relevant comes first. Then, with n chosen before the last, the next is the one with the largest
    relevance / (redundancy^p + c), where redundancy is the largest NMI with a feature chosen already,
    p = max(0.1, 4.5 - 0.4 n^0.4) and c = min(1e5, 1e-6 n^3).
    """
    candidates = np.flatnonzero(pd.Index(cross.names).isin(relevance.index))
    if len(candidates) == 0:
        return []
    names = [cross.names[i] for i in candidates]
    score = relevance.loc[names].to_numpy(dtype=np.float64)
    free = np.ones(len(candidates), dtype=bool)
    # Of several that are most relevant, the first in the order of ``relevance``.
    chosen = [names.index(str(relevance.loc[relevance.index.isin(names)].idxmax()))]
    redundancy = np.zeros(len(candidates))
    for n in range(min(number, len(candidates)) - 1):
        free[chosen[-1]] = False
        redundancy = np.maximum(redundancy, cross.row(int(candidates[chosen[-1]]))[candidates])
        p, c = max(0.1, 4.5 - 0.4 * n**0.4), min(1e5, 1e-6 * n**3)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = score / (redundancy**p + c)
        value = np.where(free & ~np.isnan(value), value, -np.inf)
        best = int(value.argmax())
        chosen.append(best if free[best] else int(np.flatnonzero(free)[0]))
    return [names[i] for i in chosen]


def merged(rankings: Sequence[Sequence[str]]) -> list[str]:
    """One ranking from several: all first ranks, then all second ones, each feature once."""
    longest = max(map(len, rankings), default=0)
    return list(dict.fromkeys(ranking[i] for i in range(longest) for ranking in rankings if i < len(ranking)))


def select(frame: pd.DataFrame, targets: np.ndarray, *, number: int, rows: int, seed: int) -> list[str]:
    """The features that a joint model of all targets reads, best first: at most ``number``.

    Parameters
    ----------
    frame : n rows x features, which may miss values. Training rows only.
    targets : (n x targets).
    rows : rows, drawn by ``seed``, that the estimate looks at.

    Returns all features where there are too few rows for an estimate, and those that vary where none is informative.
    """
    spread = np.ptp(filled(frame).to_numpy(dtype=np.float64), axis=0)
    varies = [str(c) for c, s in zip(frame.columns, spread, strict=True) if s > 0]
    rng = np.random.default_rng(seed)
    if len(frame) > rows:
        keep = np.sort(rng.permutation(len(frame))[:rows])
        frame, targets = frame.iloc[keep], targets[keep]
    if len(frame) <= 2 * NEIGHBOURS or not varies:
        return varies or [str(c) for c in frame.columns]
    state = int(rng.integers(1, 2**32 - 1))
    cross = CrossNMI(filled(frame), seed=state)
    rankings = []
    for target in targets.T:
        if np.ptp(target) == 0:
            continue
        rankings.append(rank(target_nmi(frame, target, seed=state, cross=cross), cross, number=number))
    return merged(rankings)[:number] or varies


def _scaled(values: np.ndarray) -> np.ndarray:
    from sklearn.preprocessing import scale

    return np.asarray(scale(values, with_mean=False))


def _digamma(n: int) -> np.ndarray:
    """digamma(0..n); the first is never used."""
    from scipy.special import digamma

    return np.concatenate([[np.nan], digamma(np.arange(1, n + 1))])


@numba.njit(cache=True)
def _mutual_information(
    x: np.ndarray, x_order: np.ndarray, y: np.ndarray, y_order: np.ndarray, digamma: np.ndarray
) -> float:
    """Mutual information of two columns without ties, in nats, from their values and the orders that sort them."""
    n = len(x)
    k = NEIGHBOURS
    if n <= k:
        return 0.0
    # Along either axis: sorted values, the other coordinate in that order, and each point's place in it.
    x_sorted, y_sorted = x[x_order], y[y_order]
    y_beside, x_beside = y[x_order], x[y_order]
    x_place, y_place = np.empty(n, np.int64), np.empty(n, np.int64)
    for place in range(n):
        x_place[x_order[place]] = place
        y_place[y_order[place]] = place
    nearest = np.empty(k)
    total = 0.0
    for i in range(n):
        xp, yp = x_place[i], y_place[i]
        # A few points beside this one on either axis bound the distance to its k-th neighbour...
        bound = _beside(x_sorted, y_beside, xp, nearest)
        bound = min(bound, _beside(y_sorted, x_beside, yp, nearest))
        # ...so that only a strip of points is left to look at: the thinner one.
        if _within(x_sorted, xp, bound) <= _within(y_sorted, yp, bound):
            _scan(x_sorted, y_beside, xp, bound, nearest)
        else:
            _scan(y_sorted, x_beside, yp, bound, nearest)
        radius = nearest[k - 1]
        total += digamma[_within(x_sorted, xp, radius)] + digamma[_within(y_sorted, yp, radius)]
    information: float = digamma[n] + digamma[k] - total / n
    return max(0.0, information)


@numba.njit(cache=True)
def _beside(values: np.ndarray, other: np.ndarray, place: int, nearest: np.ndarray) -> float:
    """An upper bound of the distance to the k-th neighbour, from the points next in one order."""
    nearest[:] = np.inf
    for at in range(max(0, place - _BESIDE), min(len(values), place + _BESIDE + 1)):
        if at != place:
            _insert(nearest, max(abs(values[at] - values[place]), abs(other[at] - other[place])))
    bound: float = nearest[len(nearest) - 1]
    return bound


@numba.njit(cache=True)
def _scan(values: np.ndarray, other: np.ndarray, place: int, bound: float, nearest: np.ndarray) -> None:
    """The distances to the k nearest points, of which ``bound`` is known not to be less than the largest."""
    nearest[:] = bound
    last = len(nearest) - 1
    value, beside = values[place], other[place]
    for step in (-1, 1):
        at = place + step
        while 0 <= at < len(values) and abs(values[at] - value) < nearest[last]:
            distance = abs(other[at] - beside)
            if distance < nearest[last]:
                _insert(nearest, max(abs(values[at] - value), distance))
            at += step


@numba.njit(cache=True)
def _insert(nearest: np.ndarray, distance: float) -> None:
    """Put a distance into the sorted list of the smallest ones."""
    at = len(nearest) - 1
    if distance >= nearest[at]:
        return
    while at > 0 and nearest[at - 1] > distance:
        nearest[at] = nearest[at - 1]
        at -= 1
    nearest[at] = distance


@numba.njit(cache=True)
def _within(values: np.ndarray, place: int, radius: float) -> int:
    """How many sorted values lie nearer than ``radius`` to the one at ``place``, itself included."""
    value = values[place]
    low, high = 0, place
    while low < high:
        middle = (low + high) // 2
        if value - values[middle] < radius:
            high = middle
        else:
            low = middle + 1
    first = low
    low, high = place, len(values) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if values[middle] - value < radius:
            low = middle
        else:
            high = middle - 1
    return low - first + 1
