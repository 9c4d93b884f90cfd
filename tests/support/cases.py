"""One small fit: made-up features and targets of 60 electrodes, and stratified folds of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.models.heads.quantities import FULL_CAPACITY
from electrode_bench.params import Params
from electrode_bench.splits.kfold import KFold
from support.electrodes import clusters, table


def fit_case(trees: int = 5, rows: int = 60) -> dict[str, Any]:
    """The arguments of ``fitting.protocols.fit_run`` for a forest under the stratified protocol, but for the cache."""
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


#: The members of :func:`ensemble_case` as params.yaml names them.
MEMBERS: dict[str, dict[str, Any]] = {
    "rf_magpie": {"n_estimators": 5},
    "sharing_model": {"module": "support.sharing_model", "slope": 2.0},
    "control": {},
}


def ensemble_case(**changed: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The arguments of ``fit_run`` for an ensemble, and for each of its members on its own.

    ``changed`` replaces values of params.yaml by model.
    """
    values = {"ensemble": {"members": list(MEMBERS)}, **MEMBERS, **changed}
    params = Params(seed=3, models=values)
    whole = case_of(models.spec("rf_magpie"))
    whole["frame"] = whole["frame"].assign(**{FULL_CAPACITY: 150.0 + np.arange(len(whole["frame"]))})
    columns = {"rf_magpie": ["a", "b", "c"], "sharing_model": ["a", FULL_CAPACITY], "control": []}
    members = {
        name: {**whole, "spec": models.named(name, params), "frame": whole["frame"][columns[name]]} for name in MEMBERS
    }
    for member in members.values():
        member["config"] = models.configured(member["spec"], params)
    spec = models.spec("ensemble")
    frames = {name: member["frame"] for name, member in members.items()}
    return {**whole, "spec": spec, "config": models.configured(spec, params), "member_frames": frames}, members
