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
    series = pd.Series(np.asarray(compositions, dtype=object))
    return np.asarray(1.0 / series.groupby(series).transform("size").to_numpy(dtype=float))


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
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(vote[order])
    # Thirds of votes do not add up to whole ones exactly, and neither does a product with a decimal fraction.
    total = round(float(vote.sum()), 6)
    rank = math.ceil(round((total + 1) * level, 6))
    position = int(np.searchsorted(reached, rank - 1e-6))
    return float(scores[order][position]) if position < len(scores) else math.inf


def average(values: np.ndarray, vote: np.ndarray) -> float:
    """The mean over compositions; NaN where there is none."""
    total = float(vote.sum())
    return float((np.asarray(values, dtype=float) * vote).sum() / total) if total > 0 else math.nan
