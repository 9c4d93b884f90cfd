"""One small fit: made-up features and targets of 60 electrodes, and stratified folds of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.params import Split
from electrode_bench.splits.bootstrap import Bootstrap
from electrode_bench.splits.kfold import KFold
from support.electrodes import clusters, table

PARAMS = Split(
    stratified=KFold(folds=4), grouped=KFold(folds=4), bootstrap=Bootstrap(sizes=[0.5, 1.0], repeats=3)
)  # fmt: skip


def fit_case(trees: int = 5, rows: int = 60) -> dict:
    electrodes = table(rows).set_index(ID)
    folds = tuple(splits.stratified(electrodes.reset_index(), clusters(electrodes.reset_index()), PARAMS, 0))
    level = electrodes["average_voltage"].round(1)
    frame = pd.DataFrame({"a": level, "b": np.arange(rows) % 7.0, "c": 1.0}, index=electrodes.index)
    return {
        "spec": models.spec("rf_magpie"),
        "config": models.configure("rf_magpie", {"n_estimators": trees}),
        "folds": folds,
        "split_digest": "s",
        "frame": frame,
        "targets": electrodes[list(TARGETS)],
        "composition": "discharged",
        "seed": 3,
    }
