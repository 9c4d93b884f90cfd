"""Sweeps of the forest on a small finished project that take seconds."""

from __future__ import annotations

from electrode_bench.fitting.executor import Local
from electrode_bench.params import Params
from electrode_bench.project import Layout
from electrode_bench.tasks import tune as stage
from support.projects import QUICK

SPACE = {"n_estimators": {"low": 50, "high": 60}, "max_features": None, "max_samples": None}


def small_params(**sweep: object) -> Params:
    how = {"folds": 2, "spaces": {"rf_magpie": SPACE}, **sweep}
    return Params(**{**QUICK.model_dump(), "sweep": how, "models": {"control": {}, "rf_magpie": {"n_estimators": 50}}})


def small_sweep(layout: Layout, given: Params, *, trials: int, **how):
    return stage.run(layout, given, model="rf_magpie", trials=trials, executor=Local(), **how)
