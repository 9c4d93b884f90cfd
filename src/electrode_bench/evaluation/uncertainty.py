"""The calibration of every model, and how good its intervals are: what the compare stage writes about uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.evaluation.calibration import Calibration, calibrate
from electrode_bench.evaluation.coverage import (
    COVERAGE_COLUMNS,
    REJECTION_COLUMNS,
    coverage,
    cross_fitted,
    rejection,
)
from electrode_bench.evaluation.held_out import described, distances, held_out
from electrode_bench.params import Intervals
from electrode_bench.splits import all_folds, for_new_compositions, protocol


@dataclass(frozen=True)
class Uncertainty:
    """What is known about the intervals of all models.

    Attributes
    ----------
    calibrations : by model, from all of its held-out rows.
    coverage, rejection : see :mod:`electrode_bench.evaluation.coverage`.
    """

    calibrations: Mapping[str, Calibration]
    coverage: pd.DataFrame
    rejection: pd.DataFrame


def uncertainty(
    runs: Iterable[Run],
    *,
    folds: Mapping[str, tuple[Fold, ...]],
    table: pd.DataFrame,
    clusters: pd.Series,
    settings: Intervals,
) -> Uncertainty:
    """The intervals of every model that was fitted under a protocol that stands for new compositions.

    Protocols whose folds differ in training size, such as the bootstrap, are not read.

    Parameters
    ----------
    folds : of each protocol.
    table : the canonical table.
    clusters : cluster label by electrode id, -1 for noise.
    """
    of_model: dict[str, list[Run]] = {}
    for run in runs:
        if protocol(run.protocol).headline is all_folds:
            of_model.setdefault(run.model, []).append(run)
    inside = {model: for_new_compositions(run.protocol for run in of) for model, of in of_model.items()}
    used = {run.protocol for of in of_model.values() for run in of}
    electrodes = described(table)
    distance = distances((fold for protocol in folds if protocol in used for fold in folds[protocol]), electrodes)
    reach = elmd.reach(elmd.cumulative(sorted(set(electrodes["composition"]))))
    calibrations, covered, rejected = {}, [], []
    for model, own in of_model.items():
        near = inside[model]
        if near is None:
            continue
        rows = pd.concat([held_out(run, electrodes, distance) for run in own], ignore_index=True)
        calibrations[model] = calibrate(rows, settings, inside=near, reach=reach)
        intervals = cross_fitted(rows, settings, inside=near, reach=reach)
        covered.append(coverage(intervals, clusters).assign(model=model))
        rejected.append(rejection(intervals, settings.level).assign(model=model))
    return Uncertainty(calibrations, _together(covered, COVERAGE_COLUMNS), _together(rejected, REJECTION_COLUMNS))


def _together(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """The tables of all models; one without rows where there is none."""
    return pd.concat(tables, ignore_index=True)[list(columns)] if tables else pd.DataFrame(columns=list(columns))
