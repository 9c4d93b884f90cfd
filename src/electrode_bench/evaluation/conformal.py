"""Conformal quantiles: the score that a wanted share of new compositions does not exceed.

Source: V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, Springer 2005. The quantile of each
group on its own (Mondrian) is from chapter 4 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd


def votes(compositions: Sequence[str] | pd.Series | np.ndarray) -> np.ndarray:
    """The share of its composition's one vote that each row has, shape (n,).

    Rows of one composition are not independent of each other: many electrodes share a formula, and several folds test
    the same electrode.

    Examples
    --------
    >>> votes(["LiCoO2", "LiFePO4", "LiCoO2"])
    array([0.5, 1. , 0.5])
    """
    codes, _ = pd.factorize(np.asarray(compositions))
    return np.asarray(1.0 / np.bincount(codes)[codes])


def cutoff(scores: np.ndarray, vote: np.ndarray, level: float) -> float:
    """The smallest score that new compositions exceed with a probability of at most ``1 - level``.

    With n votes, it is the score at which ``ceil((n + 1) * level)`` votes are reached. The 1 stands for the new
    composition and makes the statement hold for any n.

    Parameters
    ----------
    scores : (n,) how far each true value is from its prediction; higher is further.
    vote : (n,) as :func:`votes` gives them.
    level : between 0 and 1.

    Returns
    -------
    float : infinity where there are too few votes for the level.
    """
    return cutoffs(scores, vote, [level])[0]


def cutoffs(scores: np.ndarray, vote: np.ndarray, levels: Sequence[float]) -> tuple[float, ...]:
    """The :func:`cutoff` of each level; the scores are sorted once."""
    order = np.argsort(scores, kind="stable")
    ordered, reached = scores[order], np.cumsum(vote[order])
    # Thirds of votes do not add up to whole ones exactly, and neither does a product with a decimal fraction.
    total = round(float(vote.sum()), 6)
    ranks = [math.ceil(round((total + 1) * level, 6)) for level in levels]
    positions = (int(np.searchsorted(reached, rank - 1e-6)) for rank in ranks)
    return tuple(float(ordered[at]) if at < len(ordered) else math.inf for at in positions)


def average(values: np.ndarray, vote: np.ndarray) -> float:
    """The mean over compositions; NaN where there is none."""
    total = float(vote.sum())
    return float((np.asarray(values, dtype=float) * vote).sum() / total) if total > 0 else math.nan
