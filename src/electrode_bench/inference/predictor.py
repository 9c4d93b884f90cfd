"""What a fitted model says about candidate compositions, with what a chemist needs to believe it or not.

Beside the three targets: an interval from the errors that the model made on electrodes it had not seen, the
capacity that Faraday's law allows, the nearest known electrodes, and whether the composition lies where known ones do.

The interval is a split conformal one (V. Vovk et al., Algorithmic Learning in a Random World, Springer 2005) on errors
divided by the predicted spread (J. Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018),
doi:10.1080/01621459.2017.1307116).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, TARGETS, VOLUMETRIC
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel, candidate_ions

#: Share of new electrodes whose value an interval is to hold.
LEVEL = 0.9
#: Share of known compositions that lie within the domain's reach of another known one.
REACH = 0.95
#: A spread below this share of the median spread counts as that much: none is certain.
_LEAST_SPREAD = 0.1

#: Targets that cannot be negative.
_POSITIVE = (GRAVIMETRIC.key, VOLUMETRIC.key)


@dataclass(frozen=True)
class Calibration:
    """How far a target's true values lay from what was predicted for electrodes outside the training rows.

    ``factor`` times the predicted spread (at least ``least``) is half the width of an interval; for a model without a
    spread, ``factor`` itself, in the target's unit. ``coverage`` is the share of those electrodes that it holds.
    """

    factor: float
    least: float
    spread: bool
    coverage: float

    @classmethod
    def of(cls, y_true: np.ndarray, y_pred: np.ndarray, y_std: np.ndarray, *, level: float = LEVEL) -> Calibration:
        """From predictions (n,) of rows that were not trained on, in the target's unit; ``y_std`` NaN for no spread."""
        error = np.abs(y_true - y_pred)
        spread = bool(np.isfinite(y_std).all()) and bool((y_std > 0).any())
        least = _LEAST_SPREAD * float(np.median(y_std[y_std > 0])) if spread else 0.0
        scale = np.maximum(y_std, least) if spread else np.ones(len(error))
        # The (n + 1) makes the promise hold for any number of rows: too few give an interval without end.
        rank = math.ceil((len(error) + 1) * level)
        score = np.sort(error / scale)
        factor = float(score[rank - 1]) if rank <= len(score) else math.inf
        return cls(factor, least, spread, float(np.mean(error <= factor * scale)))

    def interval(self, target: str, value: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the intervals (n,) around predictions (n,) with this spread (n,); a capacity is not negative."""
        half = self.half_width(std)
        low = value - half
        return np.maximum(low, 0.0) if target in _POSITIVE else low, value + half

    def half_width(self, std: np.ndarray) -> np.ndarray:
        """Half the width (n,) of the intervals of predictions with this spread (n,)."""
        return self.factor * (np.maximum(std, self.least) if self.spread else np.ones(len(std)))


def calibrate(predictions: pd.DataFrame) -> dict[str, Calibration]:
    """The calibration of each target from a cell's predictions (schema.PREDICTION_COLUMNS)."""
    out = {}
    for target in TARGETS:
        rows = predictions[predictions["target"] == target]
        values = (rows[c].to_numpy(dtype=float) for c in ("y_true", "y_pred", "y_std"))
        out[target] = Calibration.of(*values)
    return out


class Domain:
    """Where the known compositions lie.

    A composition is inside when a known one is no further from it (ElMD, in steps of the modified Pettifor scale) than
    95% of known ones are from their nearest other, and when each of its elements stands in a known one.
    """

    def __init__(self, formulas: Sequence[str]) -> None:
        #: Distinct compositions, in the spelling that came first.
        self.formulas = list({chemistry.canonical(f): f for f in reversed(list(formulas))}.values())
        self.elements = frozenset(e for f in self.formulas for e in chemistry.parse(f))
        self._places = elmd.cumulative(self.formulas)
        self.reach = float(np.quantile(self._to_others(), REACH)) if len(self.formulas) > 1 else 0.0

    def _to_others(self) -> np.ndarray:
        nearest = []
        for start in range(0, len(self.formulas), 500):
            block = elmd.between(self._places[start : start + 500], self._places)
            block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
            nearest.append(block.min(axis=1))
        return np.concatenate(nearest)

    def nearest(self, formula: str, *, number: int) -> list[tuple[str, float]]:
        """The nearest known compositions with their distances, nearest first; of equal ones the first by name."""
        distance = self._distances(formula)
        order = sorted(range(len(distance)), key=lambda i: (round(float(distance[i]), 9), self.formulas[i]))
        return [(self.formulas[i], float(distance[i])) for i in order[:number]]

    def _distances(self, formula: str) -> np.ndarray:
        """To each known composition, shape (n_known,)."""
        return elmd.between(elmd.cumulative([formula]), self._places).ravel()

    def __contains__(self, formula: str) -> bool:
        """Whether a composition is inside."""
        known = all(e in self.elements for e in chemistry.parse(formula))
        return known and self.outside(formula, distance=float(self._distances(formula).min())) is None

    def outside(self, formula: str, *, distance: float) -> str | None:
        """Why a composition at this distance from the nearest known one is out of the domain; None when it is in."""
        strange = [e for e in chemistry.parse(formula) if e not in self.elements]
        if strange:
            return f"no known electrode holds {' or '.join(strange)}"
        if distance > self.reach * (1 + elmd.TIE) + elmd.TIE:
            return (
                f"the nearest known composition is {distance:.2f} away, and {REACH:.0%} of the known ones "
                f"have another within {self.reach:.2f}"
            )
        return None


@dataclass(frozen=True)
class Estimate:
    """A predicted target in its unit, with the interval that is to hold the true value in nine of ten cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Neighbour:
    """A known composition: its distance (ElMD), how many electrodes have it, and mean and range of their targets."""

    formula: str
    distance: float
    electrodes: int
    targets: dict[str, float]
    lowest: dict[str, float]
    highest: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """What is said about one composition."""

    formula: str
    working_ion: str
    #: mAh/g, if all of the working ion leaves (Faraday's law).
    theoretical_capacity: float
    targets: dict[str, Estimate]
    neighbours: tuple[Neighbour, ...]
    #: Why the composition is out of the domain; None when it is in.
    outside: str | None
    #: Distance (ElMD) to the nearest known composition, and the largest one within the domain.
    nearest_distance: float = 0.0
    reach: float = 0.0
    #: Whether the predicted gravimetric capacity is above the theoretical one: an error of the model.
    above_limit: bool = False
    #: Ions of the formula that may move, where the model does not know which does: its prediction is for either.
    undecided: tuple[str, ...] = ()
    #: How many of the electrodes that the model was fitted on have this composition. The interval is then about their
    #: mean, not about each: the errors that it comes from are of compositions that were not fitted on.
    fitted_on: int = 0


def working_ion(formula: str, ion: str | None = None) -> str:
    """The ion that moves: the only candidate that the discharged formula holds, or of several the one called ``ion``.

    Raises
    ------
    UserError
        When the formula cannot be read, holds no candidate, or several and ``ion`` is none of them.
    """
    try:
        held = candidate_ions(formula)
        if ion is not None:
            chemistry.ion_charge(ion)
    except chemistry.FormulaError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from error
    if len(held) == 1:
        return held[0]
    if ion in held:
        return str(ion)
    named = f"{formula} holds {' and '.join(held)}{f', not {ion}' if ion else ''}"
    raise UserError(f"{named}; say which one moves, for example: --ion {held[0]}")


class Predictor:
    """A model, the electrodes that it was fitted on, and how far it was off where it had not seen them."""

    def __init__(self, model: FormulaModel, *, table: pd.DataFrame, calibration: dict[str, Calibration]) -> None:
        self.model = model
        self.calibration = calibration
        self.domain = Domain(table[FORMULA].tolist())
        key = table[FORMULA].map(chemistry.canonical)
        self._known = {k: of[list(TARGETS)] for k, of in table.groupby(key)}

    def predict(self, formulas: Sequence[str], *, ion: str | None = None, neighbours: int = 3) -> list[Answer]:
        """An answer for each discharged formula, in order.

        Parameters
        ----------
        ion : the working ion of formulas that hold several candidates.
        neighbours : how many known compositions are named.

        Raises
        ------
        UserError
            For the first formula that cannot be used, with what to do.
        """
        ions = [working_ion(f, ion) for f in formulas]
        predicted = self.model.predict(compositions(formulas, ions))
        blind = "working_ion" not in self.model.columns
        answers = []
        for i, (formula, moving) in enumerate(zip(formulas, ions, strict=True)):
            near = self.domain.nearest(formula, number=max(neighbours, 1))
            estimates = {t: self._estimate(predicted.iloc[i], t) for t in TARGETS}
            limit, held = chemistry.full_capacity(formula, moving), candidate_ions(formula)
            answers.append(
                Answer(
                    formula=formula,
                    working_ion=moving,
                    theoretical_capacity=limit,
                    targets=estimates,
                    neighbours=tuple(self._neighbour(*n) for n in near[:neighbours]),
                    outside=self.domain.outside(formula, distance=near[0][1]),
                    nearest_distance=near[0][1],
                    reach=self.domain.reach,
                    above_limit=estimates[GRAVIMETRIC.key].value > limit,
                    undecided=tuple(held) if blind and len(held) > 1 else (),
                    fitted_on=len(self._known.get(chemistry.canonical(formula), ())),
                )
            )
        return answers

    def _estimate(self, row: pd.Series, target: str) -> Estimate:
        value = float(row[target])
        std = np.array([row.get(f"{target}_std", np.nan)], dtype=float)
        low, high = self.calibration[target].interval(target, np.array([value]), std)
        return Estimate(value, float(low[0]), float(high[0]))

    def _neighbour(self, formula: str, distance: float) -> Neighbour:
        rows = self._known[chemistry.canonical(formula)]
        mean, low, high = ({str(t): float(v) for t, v in of.items()} for of in (rows.mean(), rows.min(), rows.max()))
        return Neighbour(formula, distance, len(rows), mean, low, high)


def compositions(formulas: Sequence[str], ions: Sequence[str]) -> pd.DataFrame:
    """The columns that a model may read (see features.COMPOSITION_COLUMNS) of discharged formulas and their ions.

    The charged formula is taken to be the framework: all of the working ion leaves.

    Raises
    ------
    UserError
        When nothing but the working ion is in a formula.
    """
    frameworks = []
    for formula, ion in zip(formulas, ions, strict=True):
        try:
            frameworks.append(chemistry.reduced(chemistry.framework(chemistry.parse(formula), ion)))
        except chemistry.FormulaError as error:
            raise UserError(f"{formula}: {error}; give a compound") from error
    return pd.DataFrame(
        {
            FORMULA: list(formulas),
            "formula_charge": frameworks,
            "framework_formula": frameworks,
            "working_ion": list(ions),
        }
    )
