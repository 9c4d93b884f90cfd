"""Folds of an ensemble, which are combined from the folds of its members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import FoldResult
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.models.base import FoldPrediction, ModelSpec, Prediction, fold_prediction
from electrode_bench.models.members import EnsembleModel


def combined(
    spec: ModelSpec, config: Strict, seed: int, members: Mapping[str, FoldResult], frame: pd.DataFrame
) -> FoldPrediction:
    """The predictions of a fold from those of the ensemble's members.

    Parameters
    ----------
    members : the members' results on the same fold, by name.
    frame : features of the fold's test rows, with the columns of all members.
    """
    model = cast(EnsembleModel, spec.build(config, seed))
    predictions = {name: _prediction(result, frame.index) for name, result in members.items()}
    return fold_prediction(model.combine(predictions, frame), frame.index, model=spec.name)


def combined_resources(members: Mapping[str, FoldResult]) -> dict[str, Any]:
    """What the fits of an ensemble's members took together; {} where that of one is not known.

    Times are sums, though the members may have been fitted at the same time, or for a run of their own. The peak memory
    is the largest of any member, each of which is fitted by itself; None where that of one is not known.
    """
    taken = [dict(result.resources) for result in members.values()]
    if not all(taken):
        return {}
    peaks = [one.get("peak_rss_mb") for one in taken]
    return {
        "seconds": sum(float(one["seconds"]) for one in taken),
        "cpu_seconds": sum(float(one["cpu_seconds"]) for one in taken),
        "peak_rss_mb": None if None in peaks else max(float(peak) for peak in peaks if peak is not None),
        "started": min(str(one["started"]) for one in taken),
        "host": ", ".join(sorted({str(one["host"]) for one in taken})),
        "device": ", ".join(sorted({str(one["device"]) for one in taken})),
    }


def _prediction(result: FoldResult, rows: pd.Index) -> Prediction:
    """What is kept of a fold's predictions, as a model predicted it."""

    def wide(column: str) -> np.ndarray:
        table = result.predictions.pivot(index=ID, columns="target", values=column)
        return table.loc[rows, list(TARGETS)].to_numpy(dtype=float)

    std = wide("y_std")
    return Prediction.of(
        wide("y_pred"),
        None if np.isnan(std).all() else std,
        index=rows,
        targets=list(TARGETS),
        share=None if result.share is None else result.share.set_index(ID).loc[rows].to_numpy(dtype=float),
        share_values=result.share_values,
    )
