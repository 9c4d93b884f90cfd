"""Strata for k-fold protocols: what is spread evenly over the folds."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from electrode_bench.core.config import Strict
from electrode_bench.core.schema import ID, TARGETS


class KFold(Strict):
    """Options of a stratified k-fold protocol."""

    folds: Annotated[int, Field(ge=2)] = 5
    """Number of folds."""
    by: Literal["cluster", "working_ion", "gravimetric_capacity", "volumetric_capacity", "average_voltage"] = "cluster"
    """What is spread evenly over the folds: the cluster, the working ion, or a target's quantile."""
    quantiles: Annotated[int, Field(ge=2)] = 10
    """Strata when a target is stratified."""


def strata(rows: pd.DataFrame, clusters: pd.Series, options: KFold) -> np.ndarray:
    """A stratum label for each row. Strata too small to reach every fold are merged into one."""
    if options.by == "cluster":
        label = clusters.loc[rows[ID]].astype(str).to_numpy()
    elif options.by in TARGETS:
        label = pd.qcut(rows[options.by].rank(method="first"), options.quantiles, labels=False).astype(str).to_numpy()
    else:
        label = rows[options.by].to_numpy()
    names, counts = np.unique(label, return_counts=True)
    small = set(names[counts < options.folds])
    merged = np.array(["small strata" if name in small else name for name in label])
    names, counts = np.unique(merged, return_counts=True)
    if len(names) > 1 and counts[names == "small strata"].sum() in range(1, options.folds):
        merged[merged == "small strata"] = names[np.argmax(np.where(names == "small strata", 0, counts))]
    return merged
