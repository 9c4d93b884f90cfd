"""Predictions, and the held-out rows that they were made for, as arrays: intervals are made from them many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, SHARE_THRESHOLDS, TARGETS, VOLTAGE, VOLUMETRIC, share_column
from electrode_bench.evaluation.share_sets import outlyingness_of

_SHARES = [share_column(threshold) for threshold in SHARE_THRESHOLDS]


@dataclass(frozen=True)
class Predicted:
    """Predictions for n compositions.

    Attributes
    ----------
    values : by target, in its unit.
    voltage_std : predicted standard deviations of the voltage, V; NaN for a model that predicts none.
    outlying : (n x intervals between thresholds), see
        :meth:`electrode_bench.evaluation.share_sets.ShareSets.outlyingness`; None for a model that does not predict the
        distribution of the extracted share.
    share : predicted gravimetric capacity over the limit.
    density : predicted volumetric over predicted gravimetric capacity, g/cm3.
    limit : gravimetric capacity of full extraction, mAh/g.
    distance : ElMD to the nearest known composition.
    """

    values: Mapping[str, np.ndarray]
    voltage_std: np.ndarray
    outlying: np.ndarray | None
    share: np.ndarray
    density: np.ndarray
    limit: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, predicted: pd.DataFrame, *, limit: Any, distance: Any) -> Self:
        """From a table as :meth:`electrode_bench.evaluation.calibration.Calibration.intervals` reads it."""
        values = {target: predicted[target].to_numpy(dtype=float) for target in TARGETS}
        std = f"{VOLTAGE.key}_std"
        full = np.asarray(limit, dtype=float)
        gravimetric = values[GRAVIMETRIC.key]
        with np.errstate(divide="ignore", invalid="ignore"):
            density = values[VOLUMETRIC.key] / gravimetric
        has_shares = _SHARES[0] in predicted
        return cls(
            values=values,
            voltage_std=predicted[std].to_numpy(dtype=float) if std in predicted else np.full(len(predicted), np.nan),
            outlying=outlyingness_of(predicted[_SHARES].to_numpy(dtype=float)) if has_shares else None,
            share=gravimetric / full,
            density=density,
            limit=full,
            distance=np.asarray(distance, dtype=float),
        )

    def take(self, which: np.ndarray) -> Self:
        """Some of the rows: positions, or a mask (n,)."""
        return type(self)(
            values={target: value[which] for target, value in self.values.items()},
            voltage_std=self.voltage_std[which],
            outlying=None if self.outlying is None else self.outlying[which],
            share=self.share[which],
            density=self.density[which],
            limit=self.limit[which],
            distance=self.distance[which],
        )


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows (n) of a model, see :func:`electrode_bench.evaluation.held_out.held_out`.

    Attributes
    ----------
    predicted : what the model predicted.
    true : by target, in its unit.
    inside : (n,) whether the row is of the protocol that stands for compositions in the domain.
    ion : (n,) position in ``ions``, which is sorted.
    composition : (n,) a number for each composition; equal compositions have equal numbers, below ``most``.
    """

    predicted: Predicted
    true: Mapping[str, np.ndarray]
    inside: np.ndarray
    ion: np.ndarray
    ions: np.ndarray
    composition: np.ndarray
    most: int

    @classmethod
    def of(cls, rows: pd.DataFrame, *, inside: str = "") -> Self:
        """From a table of held-out rows; ``inside`` is the name of the protocol."""
        ions, ion = np.unique(rows["ion"].to_numpy(dtype=str), return_inverse=True)
        composition, distinct = pd.factorize(rows["composition"])
        return cls(
            predicted=Predicted.of(rows, limit=rows["limit"], distance=rows["distance"]),
            true={target: rows[f"{target}_true"].to_numpy(dtype=float) for target in TARGETS},
            inside=(rows["protocol"] == inside).to_numpy(),
            ion=ion,
            ions=ions,
            composition=composition,
            most=len(distinct),
        )

    def take(self, which: np.ndarray) -> Self:
        """Some of the rows: positions, or a mask (n,)."""
        return type(self)(
            predicted=self.predicted.take(which),
            true={target: value[which] for target, value in self.true.items()},
            inside=self.inside[which],
            ion=self.ion[which],
            ions=self.ions,
            composition=self.composition[which],
            most=self.most,
        )

    def compositions(self, which: np.ndarray) -> int:
        """How many distinct compositions some rows have."""
        return int(np.count_nonzero(np.bincount(self.composition[which], minlength=self.most)))

    def compositions_by_ion(self) -> np.ndarray:
        """How many distinct compositions each of ``ions`` has, (ions,)."""
        counts = np.bincount(self.ion * self.most + self.composition, minlength=len(self.ions) * self.most)
        return np.asarray((counts.reshape(len(self.ions), self.most) > 0).sum(axis=1))
