"""Prediction intervals from the errors that a model made on compositions outside its training set.

The intervals are split conformal (:mod:`electrode_bench.evaluation.conformal`). How they are shaped:

- The gravimetric capacity is the extracted share times the capacity of full extraction, which is known exactly. Its
  interval is a set of shares (:mod:`electrode_bench.evaluation.share_sets`) and never leaves 0..Faraday's limit.
- The volumetric capacity is that times the density. Its set of shares has a margin for the error of the density.
- The voltage's interval is symmetric around the prediction. Its width follows the predictive standard deviation
  (J. Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), doi:10.1080/01621459.2017.1307116) and the distance to the
  nearest known composition.

Each working ion with enough compositions is a group with cut-offs of its own, and the rest are pooled. Outside the
domain, the cut-offs come from errors on left-out clusters and on newer electrodes. Far outside, there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, SHARE_THRESHOLDS, TARGETS, VOLTAGE, VOLUMETRIC, share_column
from electrode_bench.evaluation.conformal import cutoff, votes
from electrode_bench.evaluation.share_sets import ShareSets
from electrode_bench.params import Intervals

#: Groups beside the working ions: the ions with few compositions, and compositions outside the domain.
REST, OUTSIDE = "rest", "outside"

#: Beyond this many times the reach of the domain, there is no interval.
FAR = 3.0

#: The margin for the error of the density at a cut-off of 1, as a multiple of the error that 90% do not exceed.
_DENSITY = 1.4

_SHARES = [share_column(threshold) for threshold in SHARE_THRESHOLDS]


@dataclass(frozen=True)
class Calibration:
    """The intervals of one model. It holds no rows of the data.

    Attributes
    ----------
    levels : shares of new compositions whose true value should lie within the interval.
    level : the one that is shown.
    reach : distance (ElMD) to the nearest known composition up to which a composition is in the domain.
    far : distance from which on there is no interval.
    shares : the sets of extracted shares.
    density_error : margin of the volumetric capacity, on the logarithm, at a cut-off of 1.
    smallest_std : what is added to each predictive standard deviation of the voltage, V; 1 for a model without any.
    has_std : whether the model predicts standard deviations of the voltage.
    cutoffs : by target, group and level; infinite where there are too few compositions.
    compositions : how many distinct compositions each group was calibrated on.
    """

    levels: tuple[float, ...]
    level: float
    reach: float
    far: float
    shares: ShareSets
    density_error: float
    smallest_std: float
    has_std: bool
    cutoffs: Mapping[str, Mapping[str, tuple[float, ...]]]
    compositions: Mapping[str, float]

    def intervals(
        self,
        predicted: pd.DataFrame,
        *,
        ion: Sequence[str] | np.ndarray | pd.Series,
        limit: Sequence[float] | np.ndarray | pd.Series,
        distance: Sequence[float] | np.ndarray | pd.Series,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Lower and upper ends: ``<target>_low`` and ``<target>_high``, on the index of ``predicted``.

        An end is NaN where no interval is justified (see :meth:`reason`). An interval contains its prediction, unless
        that is above Faraday's limit.

        Parameters
        ----------
        predicted : what the model predicts for n compositions: each target in its unit, ``<target>_std`` and
            ``share_at_most_<threshold>`` if the model predicts them.
        ion : (n,) working ions.
        limit : (n,) gravimetric capacities of full extraction (Faraday's law), mAh/g.
        distance : (n,) distances (ElMD) to the nearest known composition; infinite for a composition with an element
            that no known one has.
        level : one of :attr:`levels`; the default is :attr:`level`.

        Raises
        ------
        ValueError
            When the level was not calibrated.
        """
        level = self.level if level is None else level
        if level not in self.levels:
            raise ValueError(f"the level {level:g} was not calibrated; there are {', '.join(map(str, self.levels))}")
        rows = _Rows.of(predicted, limit=limit, distance=distance)
        groups, ends = self._groups(np.asarray(ion, dtype=object), rows.distance), {}
        outlying = self.shares.outlyingness(rows.cumulative, rows.share)
        for target in TARGETS:
            cut = self._cutoff(target, groups, self.levels.index(level))
            value = rows.values[target]
            if target == VOLTAGE.key:
                half = cut * self._voltage_scale(rows)
                low, high = value - half, value + half
            else:
                low, high = self.shares.ends(cut, outlying)
                unit, most = rows.limit, rows.limit
                if target == VOLUMETRIC.key:
                    margin = np.exp(cut * self._density_scale(rows))
                    low, high, unit, most = low / margin, high * margin, rows.limit * rows.density, value
                # At most the limit, which a model that does not know it may exceed.
                within = np.minimum(value, most)
                low, high = np.minimum(low * unit, within), np.maximum(high * unit, within)
            missing = np.isnan(cut)
            ends[f"{target}_low"], ends[f"{target}_high"] = (np.where(missing, np.nan, end) for end in (low, high))
        return pd.DataFrame(ends, index=predicted.index)

    def reason(self, ion: str, distance: float, level: float | None = None) -> str | None:
        """Why a composition has no interval, in words; None where it has one for every target."""
        level = self.level if level is None else level
        if distance > self.far:
            return "too far from every known composition for an interval"
        group = self._groups(np.array([ion], dtype=object), np.array([distance]))
        position = self.levels.index(level)
        if any(np.isnan(self._cutoff(target, group, position)).any() for target in TARGETS):
            where = "outside the domain" if distance > self.reach else "similar to it"
            return f"too few compositions {where} were tested for an interval"
        return None

    def scores(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        """How far the true values of held-out rows (n) lie from their predictions, by target (n,).

        A value lies within the interval whose cut-off is at least its score.
        """
        own = _Rows.of(rows, limit=rows["limit"], distance=rows["distance"])
        outlying = self.shares.outlyingness(own.cumulative, own.share)
        true = {target: rows[f"{target}_true"].to_numpy(dtype=float) for target in TARGETS}
        share = np.minimum(true[GRAVIMETRIC.key] / own.limit, 1.0)
        # More than the share: its product with the error of the density.
        with np.errstate(divide="ignore", invalid="ignore"):
            # A capacity that is predicted as 0 has no density; nothing is then within its interval.
            apparent = np.nan_to_num(true[VOLUMETRIC.key] / (own.limit * own.density), nan=np.inf)
        return {
            GRAVIMETRIC.key: self.shares.score(share, outlying),
            VOLUMETRIC.key: self.shares.score(apparent, outlying, margin=self._density_scale(own)),
            VOLTAGE.key: np.abs(true[VOLTAGE.key] - own.values[VOLTAGE.key]) / self._voltage_scale(own),
        }

    def _groups(self, ion: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """The group of each composition; empty where it is too far away."""
        known = self.cutoffs[VOLTAGE.key]
        names = np.array([name if name in known else REST for name in ion], dtype=object)
        names[distance > self.reach] = OUTSIDE
        names[~(distance <= self.far)] = ""
        return names

    def _cutoff(self, target: str, groups: np.ndarray, position: int) -> np.ndarray:
        """The cut-off of each composition (n,); NaN where there is none."""
        known = {group: values[position] for group, values in self.cutoffs[target].items()}
        found = np.array([known.get(group, math.inf) for group in groups], dtype=float)
        found[np.isinf(found)] = np.nan
        return found

    def _voltage_scale(self, rows: _Rows) -> np.ndarray:
        std = rows.voltage_std if self.has_std else np.zeros(len(rows.distance))
        scale: np.ndarray = (std + self.smallest_std) * _stretch(rows.distance)
        return scale

    def _density_scale(self, rows: _Rows) -> np.ndarray:
        return self.density_error * _stretch(rows.distance)

    def to_json(self) -> dict[str, Any]:
        """Everything as values of JSON; an infinite cut-off is null."""
        cutoffs = {
            target: {group: [v if math.isfinite(v) else None for v in values] for group, values in of.items()}
            for target, of in self.cutoffs.items()
        }
        return {
            "levels": list(self.levels),
            "level": self.level,
            "reach": self.reach,
            "far": self.far,
            "shares": self.shares.to_json(),
            "density_error": self.density_error,
            "smallest_std": self.smallest_std,
            "has_std": self.has_std,
            "cutoffs": cutoffs,
            "compositions": dict(self.compositions),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        cutoffs = {
            target: {group: tuple(math.inf if v is None else float(v) for v in values) for group, values in of.items()}
            for target, of in value["cutoffs"].items()
        }
        given = {**value, "levels": tuple(value["levels"]), "shares": ShareSets.from_json(value["shares"])}
        return cls(**{**given, "cutoffs": cutoffs})


@dataclass(frozen=True)
class _Rows:
    """Predictions (n) as arrays.

    Attributes
    ----------
    cumulative : (n x thresholds) P(share <= threshold); None for a model that does not predict it.
    share : predicted gravimetric capacity over the limit.
    density : predicted volumetric over predicted gravimetric capacity, g/cm3.
    """

    values: Mapping[str, np.ndarray]
    voltage_std: np.ndarray
    cumulative: np.ndarray | None
    share: np.ndarray
    density: np.ndarray
    limit: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, predicted: pd.DataFrame, *, limit: Any, distance: Any) -> _Rows:
        values = {target: predicted[target].to_numpy(dtype=float) for target in TARGETS}
        std = f"{VOLTAGE.key}_std"
        full = np.asarray(limit, dtype=float)
        gravimetric = values[GRAVIMETRIC.key]
        with np.errstate(divide="ignore", invalid="ignore"):
            density = values[VOLUMETRIC.key] / gravimetric
        return cls(
            values=values,
            voltage_std=predicted[std].to_numpy(dtype=float) if std in predicted else np.full(len(predicted), np.nan),
            cumulative=predicted[_SHARES].to_numpy(dtype=float) if _SHARES[0] in predicted else None,
            share=gravimetric / full,
            density=density,
            limit=full,
            distance=np.asarray(distance, dtype=float),
        )


def _stretch(distance: np.ndarray) -> np.ndarray:
    """How much wider an interval is at a distance to the nearest known composition than at none."""
    return 1.0 + np.sqrt(np.where(np.isfinite(distance), distance, 0.0))


def calibrate(rows: pd.DataFrame, settings: Intervals, *, inside: str, reach: float) -> Calibration:
    """The calibration of a model from rows that it was not trained on.

    Parameters
    ----------
    rows : held-out rows as :func:`electrode_bench.evaluation.held_out.held_out` gives them, of all protocols.
    inside : protocol whose errors stand for compositions in the domain. Outside it, those of all other protocols do.
    reach : distance up to which a composition is in the domain.
    """
    near = rows[(rows["protocol"] == inside) & (rows["distance"] <= reach)]
    far = FAR * reach
    apart = rows[(rows["protocol"] != inside) & (rows["distance"] > reach) & (rows["distance"] <= far)]
    shape = _shape(near, settings, reach=reach, far=far)
    ions = near.groupby("ion")["composition"].nunique()
    own = set(ions.index[ions >= settings.fewest])
    pooled = near[~near["ion"].isin(own)]
    if pooled["composition"].nunique() < settings.fewest:
        pooled = near
    groups = {ion: near[near["ion"] == ion] for ion in sorted(own)} | {REST: pooled, OUTSIDE: apart}
    cutoffs: dict[str, dict[str, tuple[float, ...]]] = {target: {} for target in TARGETS}
    compositions = {}
    for name, group in groups.items():
        vote = votes(group["composition"])
        compositions[name] = group["composition"].nunique()
        for target, scores in shape.scores(group).items():
            cutoffs[target][name] = tuple(cutoff(scores, vote, level) for level in settings.levels)
    return Calibration(**{**shape.__dict__, "cutoffs": cutoffs, "compositions": compositions})


def _shape(near: pd.DataFrame, settings: Intervals, *, reach: float, far: float) -> Calibration:
    """A calibration without cut-offs."""
    rows, vote = _Rows.of(near, limit=near["limit"], distance=near["distance"]), votes(near["composition"])
    true = {target: near[f"{target}_true"].to_numpy(dtype=float) for target in TARGETS}
    std = rows.voltage_std
    has_std = bool(len(std)) and bool(np.isfinite(std).all()) and bool((std > 0).any())
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = true[VOLUMETRIC.key] / true[GRAVIMETRIC.key] / rows.density
        density = np.abs(np.log(ratio)) / _stretch(rows.distance)
    known = np.isfinite(density)
    density = density[known]
    most = cutoff(density, vote[known], 0.9) if len(density) else 0.0
    return Calibration(
        levels=tuple(settings.levels),
        level=settings.level,
        reach=reach,
        far=far,
        shares=ShareSets.learn(
            np.minimum(true[GRAVIMETRIC.key] / rows.limit, 1.0),
            vote,
            predicted=rows.share if rows.cumulative is None else None,
        ),
        # Never 0, which nothing can be divided by.
        density_error=max(_DENSITY * (most if math.isfinite(most) else float(density.max())), 1e-6),
        # As much as the median: uncertainties that models predict differ more than their errors do.
        smallest_std=float(np.median(std[std > 0])) if has_std else 1.0,
        has_std=has_std,
        cutoffs={target: {} for target in TARGETS},
        compositions={},
    )
