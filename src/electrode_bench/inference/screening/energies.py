"""Intervals of every objective, and the probability of exceeding a goal.

The ends of an energy's interval are the products of the ends of capacity and voltage. If both true values lie within
their intervals, so does the energy. See decision 25 for the coverage that was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.inference.predictor import Predictor
from electrode_bench.inference.screened import ENERGY, ENERGY_DENSITY, high, low

#: Lower and upper ends, each (n,).
Ends = tuple[np.ndarray, np.ndarray]


def target_ends(predictor: Predictor, rows: pd.DataFrame, *, levels: Sequence[float]) -> dict[float, dict[str, Ends]]:
    """The intervals of the three targets, by level; missing where none is justified.

    Parameters
    ----------
    rows : the predictions, with formula, working_ion, theoretical_capacity, nearest_distance and in_domain.
    """
    found = {}
    for level in levels:
        ends = predictor.intervals(
            rows,
            rows["formula"].tolist(),
            rows["working_ion"].tolist(),
            limit=rows["theoretical_capacity"].to_numpy(dtype=float),
            distance=rows["nearest_distance"].to_numpy(dtype=float),
            # Only whether there is a reason counts.
            outside=[None if inside else "outside" for inside in rows["in_domain"]],
            level=level,
        )
        columns = {name: ends[name].to_numpy(dtype=float) for name in ends}
        found[level] = {target: (columns[low(target)], columns[high(target)]) for target in TARGETS}
    return found


def usable_share(rows: pd.DataFrame) -> np.ndarray:
    """The share (n,) of the predicted capacity that Faraday's law allows; 1 where all of it is possible.

    A capacity above the limit is an error of the model. Without this, a ranking would favour such errors.
    """
    capacity = rows[GRAVIMETRIC.key].to_numpy(dtype=float)
    limit = rows["theoretical_capacity"].to_numpy(dtype=float)
    return np.where(capacity > limit, limit / np.where(capacity > 0, capacity, 1.0), 1.0)


def objective_values(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each objective (n,), with capacities clipped to the Faraday limit."""
    share = usable_share(rows)
    gravimetric = rows[GRAVIMETRIC.key].to_numpy(dtype=float) * share
    volumetric = rows[VOLUMETRIC.key].to_numpy(dtype=float) * share
    voltage = rows[VOLTAGE.key].to_numpy(dtype=float)
    # mAh/g times V is Wh/kg; mAh/cm3 times V is Wh/L.
    return {
        GRAVIMETRIC.key: gravimetric,
        VOLUMETRIC.key: volumetric,
        VOLTAGE.key: voltage,
        ENERGY.key: gravimetric * voltage,
        ENERGY_DENSITY.key: volumetric * voltage,
    }


def objective_ends(rows: pd.DataFrame, targets: Mapping[str, Ends]) -> dict[str, Ends]:
    """The interval of each objective, with capacities clipped to the Faraday limit.

    Parameters
    ----------
    targets : the intervals of the three targets at one level.
    """
    limit, share = rows["theoretical_capacity"].to_numpy(dtype=float), usable_share(rows)
    lower, upper = targets[GRAVIMETRIC.key]
    gravimetric = np.minimum(lower, limit), np.minimum(upper, limit)
    lower, upper = targets[VOLUMETRIC.key]
    volumetric = lower * share, upper * share
    voltage = targets[VOLTAGE.key]
    return {
        GRAVIMETRIC.key: gravimetric,
        VOLUMETRIC.key: volumetric,
        VOLTAGE.key: voltage,
        ENERGY.key: _product(gravimetric, voltage),
        ENERGY_DENSITY.key: _product(volumetric, voltage),
    }


def _product(capacity: Ends, voltage: Ends) -> Ends:
    """The smallest and largest products; a capacity is never negative, but a voltage may be."""
    low_c, high_c = capacity
    low_v, high_v = voltage
    lower = np.where(low_v >= 0, low_c, high_c) * low_v
    upper = np.where(high_v >= 0, high_c, low_c) * high_v
    return lower, upper


def probability_above(goal: float, value: np.ndarray, ends: Mapping[float, Ends]) -> np.ndarray:
    """The probability (n,) that a true value is above ``goal``; missing where there is no interval.

    The predicted value is taken as the median, and the ends of an interval of level p as the quantiles (1 - p) / 2 and
    (1 + p) / 2. Between these points, the normal score of the probability is linear. Beyond the outermost points, its
    slope stays the same.

    Parameters
    ----------
    value : (n,) predictions.
    ends : the interval by level.
    """
    levels = sorted(ends)
    points = [ends[level][0] for level in reversed(levels)] + [value] + [ends[level][1] for level in levels]
    scores = (
        [ndtri((1 - level) / 2) for level in reversed(levels)] + [0.0] + [ndtri((1 + level) / 2) for level in levels]
    )
    quantiles = np.maximum.accumulate(np.stack(points), axis=0)
    score = np.full(len(value), np.nan)
    last = len(scores) - 2
    for i in range(len(scores) - 1):
        below, above = quantiles[i], quantiles[i + 1]
        here = (i == 0) | (goal >= below)
        here &= (i == last) | (goal < above)
        slope = np.divide(
            scores[i + 1] - scores[i], above - below, out=np.full(len(value), np.inf), where=above > below
        )
        # At a quantile itself the step is 0, also where two quantiles are equal.
        step = np.where(goal == below, 0.0, goal - below)
        with np.errstate(invalid="ignore"):
            score = np.where(here, scores[i] + np.where(step == 0, 0.0, step * slope), score)
    missing = np.isnan(quantiles).any(axis=0)
    # Nothing is above the upper end where the interval has no width above the value, as at the Faraday limit.
    none_above = (quantiles[-1] <= value) & (goal >= quantiles[-1])
    return np.where(missing, np.nan, np.where(none_above, 0.0, 1.0 - ndtr(score)))
