"""Fixtures: a small project with models that know physics."""

from __future__ import annotations

import pytest
from support.projects import QUICK, small_project, until_split, write_params

from electrode_bench import models, params
from electrode_bench.project import Project
from electrode_bench.stages import compare, fit

FITTED = ("control", "faraday", "boosting")


@pytest.fixture(scope="session")
def with_physics(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The cut-down sample with grouped folds of control, Faraday and boosting, compared."""
    project = small_project(tmp_path_factory.mktemp("physics") / "project")
    until_split(project, feature_sets=("magpie", "modnet", "elements", "redox"))
    values = {name: dict(models.spec(name).quick) for name in FITTED}
    quick = QUICK.model_copy(update={"fit": params.Fit(models=[*FITTED]), "models": values})
    write_params(project, quick)
    for model in FITTED:
        fit.run(project, quick, model=model, protocol="grouped")
    compare.run(project, seed=quick.seed)
    return project
