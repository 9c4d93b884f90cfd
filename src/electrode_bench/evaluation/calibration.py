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

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.evaluation.conformal import cutoff, cutoffs, votes
from electrode_bench.evaluation.predicted import HeldOut, Predicted
from electrode_bench.evaluation.share_sets import ShareSets
from electrode_bench.params import Intervals

#: Groups beside the working ions: the ions with few compositions, and compositions outside the domain.
REST, OUTSIDE = "rest", "outside"

#: Beyond this many times the reach of the domain, there is no interval.
FAR = 3.0

#: The margin for the error of the density at a cut-off of 1, as a multiple of the error that 90% do not exceed.
_DENSITY = 1.4


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
        rows = Predicted.of(predicted, limit=limit, distance=distance)
        ends = self.ends(rows, np.asarray(ion, dtype=object), [level])[level]
        columns = {f"{target}_{end}": ends[target][i] for target in TARGETS for i, end in enumerate(("low", "high"))}
        return pd.DataFrame(columns, index=predicted.index)

    def ends(
        self, rows: Predicted, ion: np.ndarray, levels: Sequence[float]
    ) -> dict[float, dict[str, tuple[np.ndarray, np.ndarray]]]:
        """The lower and upper ends (n,) of :meth:`intervals`, by level and target, for n working ions (n,)."""
        names, place = np.unique(self._groups(ion, rows.distance).astype(str), return_inverse=True)
        outlying, scale = self._outlyingness(rows), (self._voltage_scale(rows), self._density_scale(rows))
        found = {}
        for level in levels:
            position = self.levels.index(level)
            cuts = {target: self._cutoff(target, names, position)[place] for target in TARGETS}
            found[level] = self._ends(rows, cuts, outlying, *scale)
        return found

    def _ends(
        self,
        rows: Predicted,
        cuts: Mapping[str, np.ndarray],
        outlying: np.ndarray,
        voltage_scale: np.ndarray,
        density_scale: np.ndarray,
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        ends = {}
        for target, cut in cuts.items():
            value = rows.values[target]
            if target == VOLTAGE.key:
                half = cut * voltage_scale
                low, high = value - half, value + half
            else:
                low, high = self.shares.ends(cut, outlying)
                unit, most = rows.limit, rows.limit
                if target == VOLUMETRIC.key:
                    margin = np.exp(cut * density_scale)
                    low, high, unit, most = low / margin, high * margin, rows.limit * rows.density, value
                # At most the limit, which a model that does not know it may exceed.
                within = np.minimum(value, most)
                low, high = np.minimum(low * unit, within), np.maximum(high * unit, within)
            missing = np.isnan(cut)
            ends[target] = (np.where(missing, np.nan, low), np.where(missing, np.nan, high))
        return ends

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

    def scores(self, rows: HeldOut) -> dict[str, np.ndarray]:
        """How far the true values of held-out rows (n) lie from their predictions, by target (n,).

        A value lies within the interval whose cut-off is at least its score.
        """
        own, true = rows.predicted, rows.true
        outlying = self._outlyingness(own)
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

    def _outlyingness(self, rows: Predicted) -> np.ndarray:
        return self.shares.outlyingness(None, rows.share) if rows.outlying is None else rows.outlying

    def _voltage_scale(self, rows: Predicted) -> np.ndarray:
        std = rows.voltage_std if self.has_std else np.zeros(len(rows.distance))
        scale: np.ndarray = (std + self.smallest_std) * _stretch(rows.distance)
        return scale

    def _density_scale(self, rows: Predicted) -> np.ndarray:
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
    return calibrated(HeldOut.of(rows, inside=inside), np.ones(len(rows), dtype=bool), settings, reach=reach)


def calibrated(rows: HeldOut, kept: np.ndarray, settings: Intervals, *, reach: float) -> Calibration:
    """:func:`calibrate` from those of n rows that are ``kept`` (n,)."""
    distance, far = rows.predicted.distance, FAR * reach
    near = rows.take(kept & rows.inside & (distance <= reach))
    apart = rows.take(kept & ~rows.inside & (distance > reach) & (distance <= far))
    shape = _shape(near, settings, reach=reach, far=far)
    own = np.flatnonzero(near.compositions_by_ion() >= settings.fewest)
    pooled = ~np.isin(near.ion, own)
    if near.compositions(pooled) < settings.fewest:
        pooled = np.ones(len(near.ion), dtype=bool)
    groups = {str(near.ions[ion]): (near, near.ion == ion) for ion in own}
    groups |= {REST: (near, pooled), OUTSIDE: (apart, np.ones(len(apart.ion), dtype=bool))}
    scores = {id(part): shape.scores(part) for part in (near, apart)}
    cutoffs_of: dict[str, dict[str, tuple[float, ...]]] = {target: {} for target in TARGETS}
    compositions = {}
    for name, (part, members) in groups.items():
        vote = votes(part.composition[members])
        compositions[name] = part.compositions(members)
        for target, each in scores[id(part)].items():
            cutoffs_of[target][name] = cutoffs(each[members], vote, settings.levels)
    return Calibration(**{**shape.__dict__, "cutoffs": cutoffs_of, "compositions": compositions})


def _shape(near: HeldOut, settings: Intervals, *, reach: float, far: float) -> Calibration:
    """A calibration without cut-offs."""
    rows, true, vote = near.predicted, near.true, votes(near.composition)
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
            predicted=rows.share if rows.outlying is None else None,
        ),
        # Never 0, which nothing can be divided by.
        density_error=max(_DENSITY * (most if math.isfinite(most) else float(density.max())), 1e-6),
        # As much as the median: uncertainties that models predict differ more than their errors do.
        smallest_std=float(np.median(std[std > 0])) if has_std else 1.0,
        has_std=has_std,
        cutoffs={target: {} for target in TARGETS},
        compositions={},
    )
