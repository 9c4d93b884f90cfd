"""A hundred thousand rows through the whole pipeline with the best single model, each stage as a command of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.measuring import command, electrode_bench, total
from benchmarks.parts import Options
from benchmarks.projects import new_project, synthetic_snapshot

ROWS = 100_000
_MODELS = ("control", "boosting")
_PROTOCOL = "grouped"


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each stage, and one for all: their seconds, and the largest memory of one process."""
    rows = 300 if options.quick else ROWS
    folder = options.workspace.folder / "scale"
    changes: dict[str, Any] = {"fit": {"models": list(_MODELS)}, "split": {"protocols": [_PROTOCOL]}}
    project = new_project(folder, synthetic_snapshot(rows, folder.with_suffix(".csv")), changes)
    fits = [f"fit {model} --no-publish" for model in _MODELS]
    costs = []
    for stage in ("prepare", "featurize", "map", "split", *fits, "compare", "report", "publish"):
        costs.append(command(electrode_bench(*stage.split()), folder=project.root, runs=1))
        yield {"stage": stage, "size": rows, **costs[-1].as_dict()}
    yield {"stage": "all", "size": rows, **total(costs)}
