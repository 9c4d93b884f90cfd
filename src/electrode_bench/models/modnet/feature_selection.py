"""Which features a network reads: those relevant to a target and not redundant, by mutual information.

After P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2 (equations 1 to 4, with the published dynamic weights). For the same seed the numbers are
those of the modnet package 0.4.5 (benchmarks/parity), but only the pairs that the selection needs are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from electrode_bench.core.imputation import BELOW_CENTRED_RANGE, impute
from electrode_bench.models.modnet.mutual_information import NEIGHBOURS, digamma_table, mutual_information

#: Features with less information than this about themselves, in nats, are left out of the selection.
ENTROPY_THRESHOLD = 0.2
#: Ties are broken by noise of this size relative to the scaled values (scikit-learn's).
_NOISE = 1e-10
#: The narrowest range of a feature that varies.
_RANGE = 1e-16


class Redundancy(Protocol):
    """What :func:`rank` needs to know of the features' mutual information; see :class:`CrossNMI`."""

    names: list[str]

    def row(self, position: int) -> np.ndarray: ...


def imputed(frame: pd.DataFrame) -> pd.DataFrame:
    """The features (n x features) without missing values.

    If any value is missing, every column is scaled to -0.5..0.5 and missing values are imputed as -1; otherwise the
    features are returned unchanged.
    """
    values = frame.to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    if not missing.any():
        return frame
    from sklearn.preprocessing import MinMaxScaler

    # A column without values has no range.
    empty = missing.all(axis=0)
    values = np.where(empty, 0.0, values)
    scaled = MinMaxScaler(feature_range=(-0.5, 0.5)).fit_transform(values)
    return pd.DataFrame(impute(scaled, missing, BELOW_CENTRED_RANGE), index=frame.index, columns=frame.columns)


class CrossNMI:
    """Normalised mutual information between features, computed when it is needed.

    Parameters
    ----------
    frame : n rows x features, without missing values (:func:`imputed`).
    seed : seed of the noise that breaks ties; not 0, which means "no seed" in the modnet package.

    Attributes
    ----------
    names : the features that carry information.
    entropy : each feature's information about itself, in nats.
    """

    def __init__(self, frame: pd.DataFrame, *, seed: int) -> None:
        values = frame.to_numpy(dtype=np.float64)
        n = len(values)
        noise = np.random.RandomState(seed).standard_normal(2 * n)
        scaled = _scaled(values)
        level = _NOISE * np.maximum(1.0, np.abs(scaled).mean(axis=0))
        first = np.asfortranarray(scaled + level * noise[:n, None])
        second = np.asfortranarray(scaled + level * noise[n:, None])
        self._digamma = digamma_table(n)
        self._first, self._first_order = first, np.asfortranarray(np.argsort(first, axis=0, kind="stable"))
        self._second, self._second_order = second, np.asfortranarray(np.argsort(second, axis=0, kind="stable"))
        own = np.array([self._information(j, j) for j in range(values.shape[1])])
        informative = (own >= ENTROPY_THRESHOLD) & (np.ptp(values, axis=0) >= _RANGE)
        self.entropy = pd.Series(own, index=frame.columns)
        self._columns = np.flatnonzero(informative)
        self._own = own
        self._rows: dict[int, np.ndarray] = {}
        self._pairs: dict[tuple[int, int], float] = {}
        self.names = [str(c) for c in frame.columns[informative]]

    def row(self, position: int) -> np.ndarray:
        """The feature at a position in ``names`` with each of ``names``: shape (len(names),), 1 with itself."""
        if position not in self._rows:
            self._rows[position] = np.array([self._pair(position, other) for other in range(len(self.names))])
        return self._rows[position]

    def matrix(self) -> pd.DataFrame:
        """Each of ``names`` with each other."""
        values = np.array([self.row(i) for i in range(len(self.names))]).reshape(len(self.names), len(self.names))
        return pd.DataFrame(values, index=self.names, columns=self.names)

    def _pair(self, a: int, b: int) -> float:
        if a == b:
            return 1.0
        if a > b:
            return self._pair(b, a)
        if (a, b) not in self._pairs:
            i, j = self._columns[a], self._columns[b]
            self._pairs[a, b] = self._information(i, j) / (0.5 * (self._own[i] + self._own[j]))
        return self._pairs[a, b]

    def _information(self, i: int, j: int) -> float:
        return float(
            mutual_information(
                self._first[:, i], self._first_order[:, i], self._second[:, j], self._second_order[:, j], self._digamma
            )
        )


def target_nmi(frame: pd.DataFrame, target: np.ndarray, *, seed: int, cross: CrossNMI | None = None) -> pd.Series:
    """Normalised mutual information of each feature with a target, by feature.

    Parameters
    ----------
    frame : n rows x features, which may have missing values. Constant columns are dropped, and of equal columns the
        first is kept; then missing values are imputed (:func:`imputed`).
    target : (n,).
    cross : the :class:`CrossNMI` of the imputed features with the same seed, if its entropies are known already.
    """
    frame = frame.loc[:, (frame != frame.iloc[0]).any()]
    if frame.shape[1] == 0:
        return pd.Series(dtype=np.float64)
    frame = imputed(frame.loc[:, ~pd.DataFrame(frame.to_numpy().T).duplicated().to_numpy()])
    n = len(target)
    rng = np.random.RandomState(seed)
    scaled = _scaled(frame.to_numpy(dtype=np.float64))
    x = scaled + _NOISE * np.maximum(1.0, np.abs(scaled).mean(axis=0)) * rng.standard_normal(scaled.shape)
    y_scaled = _scaled(target[:, None])[:, 0]
    level = _NOISE * max(1.0, float(np.abs(y_scaled).mean()))
    y = y_scaled + level * rng.standard_normal(n)
    table, order = digamma_table(n), np.argsort(y, kind="stable")
    information = np.array(
        [mutual_information(np.ascontiguousarray(c), np.argsort(c, kind="stable"), y, order, table) for c in x.T]
    )
    entropy = (CrossNMI(frame, seed=seed) if cross is None else cross).entropy.loc[frame.columns].to_numpy()
    own = CrossNMI(pd.DataFrame({"target": target}), seed=seed).entropy.iloc[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        nmi = information / ((own + entropy) / 2)
    return pd.Series(np.where(np.isfinite(nmi), nmi, 0.0), index=[str(c) for c in frame.columns])


def rank(relevance: pd.Series, cross: Redundancy, *, number: int) -> list[str]:
    """The first ``number`` features by relevance over redundancy, best first.

    The most relevant feature comes first. With n + 1 features chosen, the next one has the largest
    relevance / (redundancy^p + c), where redundancy is the largest NMI with a chosen feature,
    p = max(0.1, 4.5 - 0.4 n^0.4) and c = min(1e5, 1e-6 n^3).
    """
    candidates = np.flatnonzero(pd.Index(cross.names).isin(relevance.index))
    if len(candidates) == 0:
        return []
    names = [cross.names[i] for i in candidates]
    score = relevance.loc[names].to_numpy(dtype=np.float64)
    free = np.ones(len(candidates), dtype=bool)
    # Of several features with the largest relevance, the first in the order of ``relevance``.
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
    """One ranking from several: all features of first rank, then all of second rank, ..., each once."""
    longest = max(map(len, rankings), default=0)
    return list(dict.fromkeys(ranking[i] for i in range(longest) for ranking in rankings if i < len(ranking)))


def select(frame: pd.DataFrame, targets: np.ndarray, *, number: int, rows: int, seed: int) -> list[str]:
    """The features that a joint model of all targets reads, best first: at most ``number``.

    Parameters
    ----------
    frame : n rows x features, which may have missing values; training rows only.
    targets : (n x targets).
    number : how many features to select at most.
    rows : how many rows, drawn with ``seed``, the estimate uses at most.

    Returns
    -------
    Names of features. All that vary, when there are too few rows for an estimate or none is informative; all features,
    when none varies.
    """
    value_range = np.ptp(imputed(frame).to_numpy(dtype=np.float64), axis=0)
    varies = [str(c) for c, s in zip(frame.columns, value_range, strict=True) if s > 0]
    rng = np.random.default_rng(seed)
    if len(frame) > rows:
        keep = np.sort(rng.permutation(len(frame))[:rows])
        frame, targets = frame.iloc[keep], targets[keep]
    if len(frame) <= 2 * NEIGHBOURS or not varies:
        return varies or [str(c) for c in frame.columns]
    state = int(rng.integers(1, 2**32 - 1))
    cross = CrossNMI(imputed(frame), seed=state)
    rankings = []
    for target in targets.T:
        if np.ptp(target) == 0:
            continue
        rankings.append(rank(target_nmi(frame, target, seed=state, cross=cross), cross, number=number))
    return merged(rankings)[:number] or varies


def _scaled(values: np.ndarray) -> np.ndarray:
    from sklearn.preprocessing import scale

    return np.asarray(scale(values, with_mean=False))
