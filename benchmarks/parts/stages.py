"""The stages before the fits, each as the command that DVC runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.measuring import RUNS, Cost, command, electrode_bench, total
from benchmarks.parts import Options
from benchmarks.projects import new_project
from electrode_bench.project import Project


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each command, and one for their sum. The caches of features are empty before the first run."""
    workspace = options.workspace
    project = new_project(workspace.folder / "stages", workspace.snapshot)
    costs = []
    for name, cost in until_split(project, runs=1 if options.quick else RUNS):
        yield {"stage": name, **cost.as_dict()}
        costs.append(cost)
    yield {"stage": "all", **total(costs)}


def until_split(project: Project, *, runs: int) -> Iterator[tuple[str, Cost]]:
    """Run prepare, featurize, map and split; yields what each command costs."""
    for stage in ("prepare", "featurize", "map", "split"):
        # A second run of featurize would find its rows in the cache.
        often = 1 if stage == "featurize" else runs
        yield stage, command(electrode_bench(stage), folder=project.root, runs=often)
