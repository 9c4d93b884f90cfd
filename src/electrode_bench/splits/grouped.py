"""Grouped k-fold: stratified folds that keep all electrodes of a discharged formula together, however it is written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.core.seeds import derive
from electrode_bench.splits.base import Protocol, in_order, numbered_folds, require_at_least
from electrode_bench.splits.kfold import KFold, strata


def make(table: pd.DataFrame, clusters: pd.Series, options: KFold, seed: int) -> Iterator[Fold]:
    """The folds; see :class:`~electrode_bench.splits.base.Protocol`."""
    from sklearn.model_selection import StratifiedGroupKFold

    from electrode_bench.data.chemistry import canonical

    rows = in_order(table)
    labels = strata(rows, clusters, options)
    groups = np.array([canonical(f) for f in rows[FORMULA]])
    require_at_least(len(set(groups)), options.folds, "grouped", what="distinct formulas")
    splitter = StratifiedGroupKFold(options.folds, shuffle=True, random_state=derive(seed, "grouped") % 2**31)
    yield from numbered_folds("grouped", rows[ID].to_numpy(), splitter.split(labels, labels, groups))


PROTOCOL = Protocol(
    name="grouped",
    title="Grouped k-fold: no formula in both training and test",
    question="on a formula that is not in the training data",
    config=KFold,
    make=make,
)
