"""The parts of the benchmark. Each is run alone or with the others, and answers one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.projects import Workspace


@dataclass(frozen=True)
class Options:
    """What the parts are given.

    Parameters
    ----------
    workspace : where they work, and the project that they share.
    quick : small sizes, to see within minutes whether everything works.
    epochs : passes of the published CrabNet over its training rows; its own default is 300.
    snapshot : the snapshot that was named, if any.
    """

    workspace: Workspace
    quick: bool
    epochs: int
    snapshot: Path | None


@dataclass(frozen=True)
class Part:
    """A part of the benchmark.

    Parameters
    ----------
    name : on the command line and in the file of results.
    title : what it measures, in a few words.
    run : yields one row for each measurement.
    separate : whether it takes so long that it only runs when it is named.
    needs_snapshot : whether it is only measured on real rows.
    """

    name: str
    title: str
    run: Callable[[Options], Iterator[dict[str, Any]]]
    separate: bool = False
    needs_snapshot: bool = False


def every() -> dict[str, Part]:
    """All parts by name, in the order in which they run."""
    from benchmarks.parts import features, folds, growth, limit, pipeline, scale, screening, stages, startup

    parts = (
        Part("features", "features and distances against matminer and ElMD", features.run),
        Part("stages", "stages before the fits", stages.run),
        Part("folds", "one fold of each model", folds.run_ours),
        Part("limit", "networks against the machine's matrix products", limit.run),
        Part("rows", "growth with the number of rows", growth.run_rows),
        Part("count", "growth with the number of folds", growth.run_folds),
        Part("screening", "screening a list of candidates", screening.run),
        Part("startup", "imports and cold starts", startup.run),
        Part("sample", "`dvc repro` on the sample", pipeline.run_sample),
        Part("reference", "one fold against the published packages", folds.run_reference, separate=True),
        Part("scale", "100,000 rows through the pipeline", scale.run, separate=True),
        Part("study", "the full study", pipeline.run_study, separate=True, needs_snapshot=True),
    )
    return {part.name: part for part in parts}
