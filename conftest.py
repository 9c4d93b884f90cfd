"""What all tests share, docstring examples included: no setting of the caller's shell, and projects made once."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from _pytest.doctest import DoctestItem
from filelock import FileLock

if TYPE_CHECKING:
    from electrode_bench.project import Project

pytest_plugins = ["support.studies"]

#: Modules whose examples use a finished project.
PUBLIC = ("electrode_bench", "electrode_bench.api", "electrode_bench.project")

hypothesis.settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    from support import forks

    if not hasattr(config, "workerinput"):
        forks.prepare()
        config.add_cleanup(forks.clean_up)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("PROJECT", "WORKERS", "DEBUG", "BACKEND", "GPUS_PER_FOLD")
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", *(f"ELECTRODE_BENCH_{setting}" for setting in settings)):
        monkeypatch.delenv(name, raising=False)
    # Set, so that what the command line puts there is taken back.
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "auto")
    monkeypatch.setenv("ELECTRODE_BENCH_MODULES", "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Upstream models take minutes: they are tested where the caller names their environment, not where one is found.
    if "ELECTRODE_BENCH_REFERENCE" not in os.environ:
        monkeypatch.setenv("ELECTRODE_BENCH_REFERENCE", "no-reference-environment")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """A small finished project: the sample cut down, two models under all protocols, compared.

    It is made once for all workers of pytest-xdist; each has a copy.
    """
    from electrode_bench.project import Project

    mine = tmp_path_factory.mktemp("finished")
    shared = _shared(tmp_path_factory, worker_id, "a finished project", _finish)
    return Project(shutil.copytree(shared, mine / "project"))


@pytest.fixture(autouse=True)
def _names_in_examples(request: pytest.FixtureRequest) -> None:
    """Names that the examples of the public API use: ``folder``, ``project`` and ``model``."""
    if isinstance(request.node, DoctestItem) and request.node.dtest.globs["__name__"] in PUBLIC:
        from electrode_bench import load_model

        project = request.getfixturevalue("finished")
        names = {"folder": project.root, "project": project, "model": load_model(project)}
        request.node.dtest.globs.update(names)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The database of a store of MLflow without runs, made once for all workers (see fresh_store)."""
    from support import fresh_store

    return _shared(tmp_path_factory, worker_id, "fresh.db", fresh_store.made)


def _shared(factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], Path]) -> Path:
    """What ``make`` leaves where it says, made in an empty folder by the first worker that asks, under one name."""
    base = factory.getbasetemp()
    path = (base if worker_id == "master" else base.parent) / name
    with FileLock(f"{path}.lock"):
        if not path.exists():
            make(factory.mktemp("making") / "project").rename(path)
    return path


def _finish(folder: Path) -> Path:
    from support.projects import finished_project

    return finished_project(folder).root


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to run where pytest-xdist makes no groups: each worker would start clusters, servers and browsers anew."""
    if not getattr(config.option, "loadgroup", False):
        return
    lost = [item.nodeid for item in items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if lost:
        raise pytest.UsageError(f"pytest-xdist did not group {lost[0]}; are pytest and it as in constraints.txt?")


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Any]:
    """A Ray cluster of two nodes; tests that use it are of the xdist group "ray", so that there is one."""
    from support import ray_cluster

    with ray_cluster.cluster() as nodes:
        yield nodes
