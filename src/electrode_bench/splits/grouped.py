"""Grouped k-fold: stratified folds that keep all electrodes of a discharged formula together, however it is written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.core.seeds import derive
from electrode_bench.splits.base import Protocol, in_order, numbered_folds, require_at_least
from electrode_bench.splits.kfold import KFold, strata


class Grouped(KFold):
    """Options of grouped k-fold."""

    repeats: PositiveInt = 1
    """How often all rows are divided into folds, each time at random. Every repeat tests each electrode once."""


def make(table: pd.DataFrame, clusters: pd.Series, options: Grouped, seed: int) -> Iterator[Fold]:
    """The folds; see :class:`~electrode_bench.splits.base.Protocol`.

    The first repeat has the keys ``fold-0``, ``fold-1``, ..., the second ``repeat-1-fold-0`` and so on. More repeats
    change nothing in those before.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    from electrode_bench.data.chemistry import canonical

    rows = in_order(table)
    labels = strata(rows, clusters, options)
    groups = np.array([canonical(f) for f in rows[FORMULA]])
    require_at_least(len(set(groups)), options.folds, "grouped", what="distinct formulas")
    for repeat in range(options.repeats):
        # No slash: keys are part of file names and of studies' names.
        names, prefix = (("grouped",), "") if repeat == 0 else (("grouped", "repeat", repeat), f"repeat-{repeat}-")
        splitter = StratifiedGroupKFold(options.folds, shuffle=True, random_state=derive(seed, *names) % 2**31)
        drawn = splitter.split(labels, labels, groups)
        yield from numbered_folds("grouped", rows[ID].to_numpy(), drawn, prefix=prefix)


PROTOCOL = Protocol(
    name="grouped",
    title="Grouped k-fold: no formula in both training and test",
    question="on a formula that is not in the training data",
    config=Grouped,
    make=make,
)
