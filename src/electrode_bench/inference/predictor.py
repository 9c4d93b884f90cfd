"""What a fitted model predicts for candidate compositions, with what a chemist needs to judge the prediction.

Besides the three targets, an answer has prediction intervals, the capacity limit of Faraday's law, the nearest known
electrodes, and whether the composition lies within the applicability domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference.calibration import Calibration
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.ions import candidate_ions, choose_ion


@dataclass(frozen=True)
class Estimate:
    """A predicted target in its unit, with the 90% prediction interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ExtractedShare:
    """How much of the working ion is extracted."""

    #: Predicted gravimetric capacity over the theoretical one.
    value: float
    #: The probability that all of it is extracted: that the share is above the last threshold.
    full_extraction: float
    #: The probability that the share is at most a threshold, for each of schema.SHARE_THRESHOLDS.
    at_most: dict[float, float]


@dataclass(frozen=True)
class Neighbour:
    """A known composition near the candidate, with mean and range of the targets of its electrodes."""

    formula: str
    #: ElMD to the candidate.
    distance: float
    #: How many known electrodes have this composition.
    electrodes: int
    targets: dict[str, float]
    lowest: dict[str, float]
    highest: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """The prediction for one composition."""

    formula: str
    working_ion: str
    #: mAh/g, if all of the working ion is extracted (Faraday's law).
    theoretical_capacity: float
    targets: dict[str, Estimate]
    neighbours: tuple[Neighbour, ...]
    #: Why the composition is outside the applicability domain; None when it is inside.
    outside: str | None
    #: Distance (ElMD) to the nearest known composition, and the largest one within the domain.
    nearest_distance: float = 0.0
    reach: float = 0.0
    #: Whether the predicted gravimetric capacity is above the theoretical one, which is an error of the model.
    above_limit: bool = False
    #: The candidate ions, where the formula has several and the model reads the formula only: its prediction is the
    #: same for each of them.
    undecided: tuple[str, ...] = ()
    #: How many training electrodes have this composition. If any, the interval does not apply: it comes from errors on
    #: compositions outside the training set.
    fitted_on: int = 0
    #: None for a model that does not predict the distribution of the extracted share.
    share: ExtractedShare | None = None


def working_ion(formula: str, ion: str | None = None) -> str:
    """The working ion of a discharged formula: its only candidate, or ``ion`` if it is one of several.

    Raises
    ------
    UserError
        When the formula cannot be read, has no candidate, or has several and ``ion`` is not one of them.
    """
    try:
        candidates = candidate_ions(formula)
        if ion is not None:
            chemistry.ion_charge(ion)
        return choose_ion(formula, ion if len(candidates) > 1 else None, give="--ion {}")
    except chemistry.FormulaError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from error


class Predictor:
    """A fitted model with what is needed to judge its predictions.

    Parameters
    ----------
    model : fitted on the electrodes of ``table``.
    table : the known electrodes (schema.TABLE_COLUMNS).
    calibration : of each target's intervals.
    """

    def __init__(self, model: FormulaModel, *, table: pd.DataFrame, calibration: dict[str, Calibration]) -> None:
        self.model = model
        self.calibration = calibration
        self.domain = Domain(table[FORMULA].tolist())
        composition = table[FORMULA].map(chemistry.canonical)
        self._known = {key: rows[list(TARGETS)] for key, rows in table.groupby(composition)}

    def predict(
        self, formulas: Sequence[str], *, ion: str | Sequence[str | None] | None = None, neighbours: int = 3
    ) -> list[Answer]:
        """An answer for each discharged formula, in order.

        Parameters
        ----------
        ion : the working ion of formulas that contain several candidates; one for all formulas, or one for each.
        neighbours : number of known compositions in each answer.

        Raises
        ------
        UserError
            For the first formula that cannot be used; the message says what to do.
        """
        requested = [ion] * len(formulas) if ion is None or isinstance(ion, str) else list(ion)
        ions = [working_ion(*pair) for pair in zip(formulas, requested, strict=True)]
        predicted = self.model.evaluate(compositions(formulas, ions))
        return [
            self._answer(*given, predicted.targets.iloc[i], predicted.undefined[i], neighbours=neighbours)
            for i, given in enumerate(zip(formulas, ions, strict=True))
        ]

    def _answer(
        self, formula: str, ion: str, predicted: pd.Series, undefined: Sequence[str], *, neighbours: int
    ) -> Answer:
        nearest = self.domain.nearest(formula, number=max(neighbours, 1))
        distance = nearest[0][1]
        estimates = {target: self._estimate(predicted, target) for target in TARGETS}
        limit, candidates = chemistry.full_capacity(formula, ion), candidate_ions(formula)
        gravimetric = estimates[GRAVIMETRIC.key]
        high = float(within_limit(gravimetric.high, gravimetric.value, limit))
        estimates[GRAVIMETRIC.key] = replace(gravimetric, high=high)
        reads_formula_only = "working_ion" not in self.model.columns
        return Answer(
            formula=formula,
            working_ion=ion,
            theoretical_capacity=limit,
            targets=estimates,
            neighbours=tuple(self._neighbour(*known) for known in nearest[:neighbours]),
            outside=self.outside(formula, distance=distance, undefined=undefined),
            nearest_distance=distance,
            reach=self.domain.reach,
            above_limit=bool(exceeds(estimates[GRAVIMETRIC.key].value, limit)),
            undecided=tuple(candidates) if reads_formula_only and len(candidates) > 1 else (),
            fitted_on=len(self._known.get(chemistry.canonical(formula), ())),
            share=_extracted_share(predicted, estimates[GRAVIMETRIC.key].value / limit),
        )

    def outside(self, formula: str, *, distance: float, undefined: Sequence[str]) -> str | None:
        """Why a prediction is outside the applicability domain; None when it is inside.

        Parameters
        ----------
        distance : distance to the nearest known composition.
        undefined : features that are missing for the formula and were never missing in training.
        """
        reasons = [self.domain.outside(formula, distance=distance), _without(undefined)]
        return "; ".join(filter(None, reasons)) or None

    def _estimate(self, predicted: pd.Series, target: str) -> Estimate:
        value = float(predicted[target])
        std = np.array([predicted.get(f"{target}_std", np.nan)], dtype=float)
        low, high = self.calibration[target].interval(target, np.array([value]), std)
        return Estimate(value, float(low[0]), float(high[0]))

    def _neighbour(self, formula: str, distance: float) -> Neighbour:
        rows = self._known[chemistry.canonical(formula)]
        mean, lowest, highest = (
            {str(target): float(value) for target, value in values.items()}
            for values in (rows.mean(), rows.min(), rows.max())
        )
        return Neighbour(formula, distance, len(rows), mean, lowest, highest)


def _without(undefined: Sequence[str]) -> str | None:
    """What is said of features that are missing for one formula only."""
    if not undefined:
        return None
    if len(undefined) == 1:
        return f"the feature '{undefined[0]}' is not defined for it, but is for every known electrode"
    others = len(undefined) - 1
    return (
        f"the feature '{undefined[0]}' and {others} other{'s' if others > 1 else ''} are not defined for it, but are "
        "for every known electrode"
    )


def _extracted_share(predicted: pd.Series, value: float) -> ExtractedShare | None:
    at_most = {t: float(predicted[share_column(t)]) for t in SHARE_THRESHOLDS if share_column(t) in predicted}
    if not at_most:
        return None
    return ExtractedShare(value, 1.0 - at_most[SHARE_THRESHOLDS[-1]], at_most)


def within_limit(high: float | np.ndarray, value: float | np.ndarray, limit: float | np.ndarray) -> np.ndarray:
    """Upper ends of intervals of the gravimetric capacity (mAh/g), clipped to the theoretical capacity.

    An interval still contains its prediction, which a model that does not know the limit may put above it.
    """
    return np.asarray(np.maximum(np.minimum(high, limit), value))


def exceeds(capacity: float | np.ndarray, limit: float | np.ndarray) -> np.ndarray:
    """Whether predicted gravimetric capacities are above the theoretical ones (mAh/g).

    Models that keep Faraday's law read the limit as a feature, which is rounded to 12 digits.
    """
    return np.asarray(np.asarray(capacity) > np.asarray(limit) * (1 + 1e-9))


def compositions(formulas: Sequence[str], ions: Sequence[str]) -> pd.DataFrame:
    """All columns that a model may read (features.COMPOSITION_COLUMNS), from discharged formulas and working ions.

    The charged formula is taken to be the framework: all of the working ion is extracted.

    Raises
    ------
    UserError
        When a formula contains nothing but the working ion.
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
