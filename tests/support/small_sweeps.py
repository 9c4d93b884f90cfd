"""Sweeps of the forest on a small finished project that take seconds."""

from __future__ import annotations

from typing import Any

from electrode_bench.fitting.executor import Local
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.tasks import tune
from electrode_bench.tuning.storage import load_study, storage_url
from electrode_bench.tuning.stored_study import StoredStudy
from support.projects import QUICK

#: How the small project narrows the forest's search space.
SPACE = {"n_estimators": {"low": 50, "high": 60}, "max_features": None, "max_samples": None}


def small_params(**sweep: object) -> Params:
    """Parameters of small sweeps; ``sweep`` replaces keys of their part ``sweep``."""
    options = {"folds": 2, "spaces": {"rf_magpie": SPACE}, **sweep}
    values = {"sweep": options, "models": {"control": {}, "rf_magpie": {"n_estimators": 50}}}
    return Params(**{**QUICK.model_dump(), **values})


def small_sweep(project: Project, params: Params, *, trials: int, **options: Any) -> list[tune.TunedStudy]:
    """Tune the forest in this process."""
    return tune.run(project, params, model="rf_magpie", trials=trials, executor=Local(), **options)


def stored(project: Project, name: str) -> StoredStudy:
    """A study of the project, read from its storage."""
    return load_study(storage_url(project, None), name)
