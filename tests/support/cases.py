"""One small fit: made-up features and targets of 60 electrodes, and stratified folds of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.splits.kfold import KFold
from support.electrodes import clusters, table


def fit_case(trees: int = 5, rows: int = 60) -> dict[str, Any]:
    """The arguments of ``fitting.runs.fit_run`` for a forest under the stratified protocol, but for the cache."""
    return case_of(models.spec("rf_magpie"), rows=rows, n_estimators=trees)


def case_of(spec: models.ModelSpec, *, rows: int = 60, **config: Any) -> dict[str, Any]:
    """The same for any model."""
    electrodes = table(rows).set_index(ID)
    rows_of_table = electrodes.reset_index()
    protocol = splits.protocol("stratified")
    folds = tuple(protocol.make(rows_of_table, clusters(rows_of_table), KFold(folds=4), 0))
    level = electrodes["average_voltage"].round(1)
    frame = pd.DataFrame({"a": level, "b": np.arange(rows) % 7.0, "c": 1.0}, index=electrodes.index)
    return {
        "spec": spec,
        "config": models.configure(spec, config),
        "folds": folds,
        "split_digest": "s",
        "frame": frame,
        "targets": electrodes[list(TARGETS)],
        "composition": "discharged",
        "seed": 3,
    }
