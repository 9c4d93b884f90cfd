"""What a fitted model predicts for candidate compositions, with what a chemist needs to judge the prediction.

Besides the three targets, an answer says how the formula was read, and has prediction intervals, the capacity limit of
Faraday's law, energies, the nearest known electrodes, and whether the composition lies within the applicability domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.rows import records
from electrode_bench.core.schema import (
    FORMULA,
    GRAVIMETRIC,
    SHARE_THRESHOLDS,
    TARGETS,
    VOLTAGE,
    VOLUMETRIC,
    share_column,
)
from electrode_bench.data import chemistry
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.inference.answer import Answer, Estimate, ExtractedShare, Neighbour
from electrode_bench.inference.compact_domain import CompactDomain
from electrode_bench.inference.compositions import compositions, working_ion
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.ions import candidate_ions
from electrode_bench.inference.known import Known
from electrode_bench.inference.notes import notes, why_no_interval
from electrode_bench.inference.reading import Reading, read

__all__ = [
    "Answer", "Estimate", "ExtractedShare", "Neighbour", "Predictor", "compositions", "exceeds", "working_ion",
]  # fmt: skip


class Predictor:
    """A fitted model with what is needed to judge its predictions.

    Parameters
    ----------
    model : fitted on the known electrodes.
    calibration : of the model's intervals; without it, answers have none.
    table : the known electrodes (schema.TABLE_COLUMNS), which ``known`` and ``domain`` are made from where they are not
        given.
    domain : the applicability domain.
    known : the known electrodes by composition. Without them and without a table, answers have no neighbours and do not
        say whether a composition was in the training data.
    """

    def __init__(
        self,
        model: FormulaModel,
        *,
        calibration: Calibration | None,
        table: pd.DataFrame | None = None,
        domain: Domain | CompactDomain | None = None,
        known: Known | None = None,
    ) -> None:
        self.model = model
        self._calibration = calibration
        if domain is None:
            if table is None:
                raise ValueError("give the table of known electrodes, or the domain")
            domain = Domain(table[FORMULA].tolist())
        self.domain: Domain | CompactDomain = domain
        self.known = Known(table) if known is None and table is not None else known

    @property
    def calibration(self) -> Calibration:
        """Of the model's intervals.

        Raises
        ------
        ValueError
            When there is none.
        """
        if self._calibration is None:
            raise ValueError("the model's intervals are not calibrated")
        return self._calibration

    @property
    def reads_ion(self) -> bool:
        """Whether the model reads the working ion."""
        return "working_ion" in self.model.columns

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
        rows = records(self.evaluate(formulas, ions))
        return [
            self._answer(row, asked_for, neighbours=neighbours) for row, asked_for in zip(rows, requested, strict=True)
        ]

    def evaluate(
        self, formulas: Sequence[str], ions: Sequence[str], *, charged: Sequence[str | None] | None = None
    ) -> pd.DataFrame:
        """What is known of many discharged formulas with these working ions, one row for each, in order.

        The columns are formula, working_ion, reading (a :class:`~electrode_bench.inference.reading.Reading`); the
        targets with ``<target>_low`` and ``<target>_high`` (missing where no interval is justified); no_interval (why);
        theoretical_capacity (mAh/g), above_limit, extracted_share, full_extraction, ``share_at_most_<threshold>``
        (missing for a model that does not predict them), specific_energy (Wh/kg), energy_density (Wh/L), nearest,
        nearest_distance (ElMD), outside (why a composition is outside the domain; None inside) and fitted_on (training
        electrodes of the composition).

        Parameters
        ----------
        charged : charged formulas, for a model that reads them.

        Raises
        ------
        UserError
            For the first formula that cannot be used.
        """
        frame = compositions(formulas, ions, charged)
        predicted = self.model.evaluate(frame)
        rows = predicted.targets.reset_index(drop=True)
        capacity, voltage = rows[GRAVIMETRIC.key].to_numpy(), rows[VOLTAGE.key].to_numpy()
        limit = np.array([chemistry.full_capacity(*pair) for pair in zip(formulas, ions, strict=True)])
        nearest, distance = self.domain.nearest_of_each(formulas)
        given = zip(formulas, distance, predicted.undefined, strict=True)
        outside = [self.outside(formula, distance=far, undefined=absent) for formula, far, absent in given]
        fitted_on = self.known.electrodes(formulas) if self.known else np.zeros(len(rows), dtype=np.int64)
        clipped = np.where(exceeds(capacity, limit), limit / np.where(capacity > 0, capacity, 1.0), 1.0)
        share = [share_column(threshold) for threshold in SHARE_THRESHOLDS]
        made = {
            "formula": list(formulas),
            "working_ion": list(ions),
            "reading": read(formulas, ions),
            **{target: rows[target].to_numpy() for target in TARGETS},
            **self._intervals(
                rows, formulas, ions, limit=limit, distance=distance, fitted_on=fitted_on, outside=outside
            ),
            "theoretical_capacity": limit,
            "above_limit": exceeds(capacity, limit),
            "extracted_share": capacity / limit,
            "full_extraction": 1.0 - rows[share[-1]].to_numpy() if share[-1] in rows else np.nan,
            **{column: rows[column].to_numpy() if column in rows else np.nan for column in share},
            # mAh/g times V is Wh/kg; mAh/cm3 times V is Wh/L.
            "specific_energy": capacity * clipped * voltage,
            "energy_density": rows[VOLUMETRIC.key].to_numpy() * clipped * voltage,
            "nearest": nearest,
            "nearest_distance": distance,
            "outside": outside,
            "fitted_on": fitted_on,
        }
        return pd.DataFrame(made, index=rows.index)

    def _intervals(
        self,
        rows: pd.DataFrame,
        formulas: Sequence[str],
        ions: Sequence[str],
        *,
        limit: np.ndarray,
        distance: np.ndarray,
        fitted_on: np.ndarray,
        outside: Sequence[str | None],
    ) -> dict[str, Any]:
        """The columns ``<target>_low``, ``<target>_high`` and no_interval."""
        ends = self.intervals(rows, formulas, ions, limit=limit, distance=distance, outside=outside)
        missing = [bool(row) for row in ends.isna().any(axis=1)]
        given = zip(missing, fitted_on, outside, strict=True)
        return {
            **{str(column): np.where(fitted_on == 0, values, np.nan) for column, values in ends.items()},
            "no_interval": [why_no_interval(*one) for one in given],
        }

    def intervals(
        self,
        predicted: pd.DataFrame,
        formulas: Sequence[str],
        ions: Sequence[str],
        *,
        limit: np.ndarray,
        distance: np.ndarray,
        outside: Sequence[str | None],
        level: float | None = None,
    ) -> pd.DataFrame:
        """The columns ``<target>_low`` and ``<target>_high``. All intervals of answers are made here.

        Parameters
        ----------
        predicted : what the model predicts, see :meth:`FormulaModel.predict`.
        formulas, ions, limit, distance, outside : of each row: the discharged formula, the working ion, the capacity of
            full extraction (mAh/g), the distance to the nearest known composition, and why it is outside the domain.
        level : see :meth:`~electrode_bench.evaluation.calibration.Calibration.intervals`.
        """
        if self._calibration is None:
            ends = [f"{target}_{end}" for target in TARGETS for end in ("low", "high")]
            return pd.DataFrame(np.nan, index=predicted.index, columns=ends)
        known = [self.domain.elements.issuperset(chemistry.parse(formula)) for formula in formulas]
        # A composition may also be outside because of a feature, however near it is.
        near = np.where([reason is None for reason in outside], 0.0, np.nextafter(self.calibration.reach, np.inf))
        apart = np.where(known, np.maximum(distance, near), np.inf)
        return self.calibration.intervals(predicted, ion=ions, limit=limit, distance=apart, level=level)

    def _answer(self, row: Mapping[str, Any], asked_for: str | None, *, neighbours: int) -> Answer:
        formula, candidates = row["formula"], candidate_ions(row["formula"])
        nearest = self.domain.nearest(formula, number=neighbours) if self.known and neighbours else []
        # Only known electrodes have names.
        named = [(name, distance) for name, distance in nearest if name is not None]
        reading: Reading = row["reading"]
        several = tuple(candidates) if len(candidates) > 1 else ()
        return Answer(
            formula=formula,
            working_ion=row["working_ion"],
            theoretical_capacity=float(row["theoretical_capacity"]),
            targets={target: estimate(row, target) for target in TARGETS},
            neighbours=tuple(self.known.neighbour(*one) for one in named) if self.known else (),
            outside=row["outside"],
            nearest_distance=float(row["nearest_distance"]),
            reach=self.domain.reach,
            above_limit=bool(row["above_limit"]),
            undecided=() if self.reads_ion else several,
            fitted_on=int(row["fitted_on"]),
            share=_extracted_share(row),
            reading=reading,
            specific_energy=float(row["specific_energy"]),
            energy_density=float(row["energy_density"]),
            no_interval=row["no_interval"],
            level=self._calibration.level if self._calibration else Answer.level,
            notes=tuple(notes(row, reads_ion=self.reads_ion, asked_for=asked_for)),
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


def estimate(row: Mapping[str, Any], target: str) -> Estimate:
    """A target of a row of :meth:`Predictor.evaluate`."""
    low, high = (float(row[f"{target}_{end}"]) for end in ("low", "high"))
    return Estimate(float(row[target]), None if np.isnan(low) else low, None if np.isnan(high) else high)


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


def _extracted_share(row: Mapping[str, Any]) -> ExtractedShare | None:
    if np.isnan(row["full_extraction"]):
        return None
    at_most = {threshold: float(row[share_column(threshold)]) for threshold in SHARE_THRESHOLDS}
    return ExtractedShare(float(row["extracted_share"]), float(row["full_extraction"]), at_most)


def exceeds(capacity: float | np.ndarray, limit: float | np.ndarray) -> np.ndarray:
    """Whether predicted gravimetric capacities are above the theoretical ones (mAh/g).

    Models that keep Faraday's law read the limit as a feature, which is rounded to 12 digits.
    """
    return np.asarray(np.asarray(capacity) > np.asarray(limit) * (1 + 1e-9))
