"""Stratified k-fold: each fold has its share of every stratum. A formula may stand in training and test alike."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID
from electrode_bench.core.seeds import derive
from electrode_bench.splits.base import Protocol, in_order, numbered_folds, require_at_least
from electrode_bench.splits.kfold import KFold, strata


def make(table: pd.DataFrame, clusters: pd.Series, options: KFold, seed: int) -> Iterator[Fold]:
    """The folds; see :class:`~electrode_bench.splits.base.Protocol`."""
    from sklearn.model_selection import StratifiedKFold

    rows = in_order(table)
    labels = strata(rows, clusters, options)
    require_at_least(len(rows), options.folds, "stratified")
    splitter = StratifiedKFold(options.folds, shuffle=True, random_state=derive(seed, "stratified") % 2**31)
    yield from numbered_folds("stratified", rows[ID].to_numpy(), splitter.split(labels, labels))


PROTOCOL = Protocol(
    name="stratified",
    title="Stratified k-fold",
    question="on compositions like those seen (a formula may be in both training and test)",
    config=KFold,
    make=make,
)
