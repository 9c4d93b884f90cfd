"""How cost grows with the number of rows and of folds: of the stages, of fits, and of predictions.

Each stage is called in a fresh process, first on the smallest project, so that imports and compilation do not count.
The runs that are compared, reported and published are those of two models that cost nothing to fit, the control and
Faraday's law. Fits are those of one model on all rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import LONG, Cost, in_fresh_process, repeated
from benchmarks.parts import Options
from benchmarks.projects import distinct_formulas, new_project, synthetic_snapshot
from electrode_bench import models
from electrode_bench.inference import pretrained
from electrode_bench.project import Project
from electrode_bench.stages import compare, featurize, fit, prepare, publish, report, split
from electrode_bench.stages import map as mapping

_MODELS = ("control", "faraday")
_PROTOCOLS = ("stratified", "grouped", "chronological")
#: Fitted on all rows.
_FITTED = ("boosting", "crabnet")
#: What would probably take more processor seconds than this is left out, and so is what needs it.
_LIMIT = 60.0
#: Rows of the projects that only the number of folds differs between.
_ROWS = 500


def run_rows(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each stage, fit or prediction and number of rows."""
    sizes = (300, 600) if options.quick else (500, 1500, 5000, 20_000, 100_000)
    folder = options.workspace.folder / "rows"
    split_by = {"protocols": list(_PROTOCOLS)}
    projects = {size: _project(folder / str(size), rows=size, split_by=split_by) for size in sizes}
    yield from _grown("rows", projects, ("prepare", "featurize", "map", "split", "fit", "compare", "report", "publish"))
    smallest = projects[sizes[0]]
    for name in _FITTED:
        seconds: dict[int, float] = {}
        for size, project in projects.items():
            if not project.paths.table.exists() or expected(seconds, size) > _LIMIT:
                break
            cost = in_fresh_process(_fitted, project, smallest, name, quick=options.quick)
            seconds[size] = cost.cpu_seconds
            yield {"what": f"fit {name}", "by": "rows", "size": size, **cost.as_dict()}
    counts = (100, 1000) if options.quick else (500, 1500, 5000, 20_000, 100_000)
    for count in counts:
        cost = in_fresh_process(_predicted, distinct_formulas(count, folder))
        yield {"what": "predict", "by": "rows", "size": count, **cost.as_dict()}


def run_folds(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each stage after the map and number of folds."""
    counts = (1, 4) if options.quick else (1, 4, 16, 64, 256)
    folder = options.workspace.folder / "folds"
    projects = {}
    for count in counts:
        split_by = {"protocols": ["bootstrap"], "bootstrap": {"sizes": [1.0], "repeats": count}}
        projects[count] = _project(folder / str(count), rows=_ROWS, split_by=split_by)
        for stage in ("prepare", "featurize", "map"):
            in_fresh_process(_staged, projects[count], None, stage)
    yield from _grown("folds", projects, ("split", "fit", "compare", "report", "publish"))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of seconds over sizes, both as logarithms, of the three largest sizes.

    What does not depend on the size hides the growth at small sizes.

    >>> round(exponent([1.0, 10.0, 100.0, 1000.0], [5.0, 10.0, 100.0, 1000.0]), 6)
    1.0
    """
    if len(sizes) < 2:
        return float("nan")
    last = np.argsort(sizes)[-3:]
    x, y = np.log(np.asarray(sizes, dtype=float)[last]), np.log(np.asarray(seconds, dtype=float)[last])
    return float(np.polyfit(x, y, 1)[0])


def expected(seconds: Mapping[int, float], size: int) -> float:
    """The seconds that a larger size would take if the growth between the two largest sizes so far went on.

    >>> expected({10: 1.0, 20: 4.0}, 40), expected({}, 40)
    (16.0, 0.0)
    """
    if not seconds:
        return 0.0
    (*_, last), known = sorted(seconds), dict(sorted(seconds.items()))
    power = max(1.0, exponent([*known][-2:], [*known.values()][-2:])) if len(known) > 1 else 1.0
    return float(round(known[last] * (size / last) ** power, 6))


def _project(folder: Path, *, rows: int, split_by: dict[str, Any]) -> Project:
    changes: dict[str, Any] = {"fit": {"models": list(_MODELS)}, "split": split_by}
    return new_project(folder, synthetic_snapshot(rows, folder.with_suffix(".csv")), changes)


def _grown(by: str, projects: dict[int, Project], stages: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    sizes = sorted(projects)
    for stage in stages:
        seconds: dict[int, float] = {}
        # The smallest project comes first: its results are what the warm-up of the others reads.
        for size in sizes:
            if expected(seconds, size) > _LIMIT:
                sizes = [one for one in sizes if one < size]
                break
            cost = in_fresh_process(_staged, projects[size], projects[min(projects)], stage)
            seconds[size] = cost.cpu_seconds
            yield {"what": stage, "by": by, "size": size, **cost.as_dict()}


def _staged(project: Project, smallest: Project | None, name: str) -> Cost:
    def cold(of: Project) -> None:
        # Caches and the tracking store would make the work of a stage cheap.
        for path in (of.paths.cache, of.paths.mlruns):
            shutil.rmtree(path, ignore_errors=True)
        _STAGES[name](of)

    if smallest is not None:
        cold(smallest)
    return repeated(lambda: cold(project), runs=3, long=LONG / 3)


def _fitted(project: Project, smallest: Project, name: str, *, quick: bool) -> Cost:
    """Fit on all rows."""
    params, spec = project.params(), models.spec(name)
    config = models.configure(spec, spec.quick if quick else params.models.get(name, {}))
    sets = (models.feature_set_of(spec, config) or "").split("+")

    def training_data(of: Project) -> tuple[Any, Any]:
        for one in filter(None, sets):
            featurize.run(of, params.featurize, feature_set=one)
        return of.training_data(models.feature_set_of(spec, config))

    warm = models.configure(spec, spec.quick)
    spec.build(warm, 0).fit(*training_data(smallest))
    frame, targets = training_data(project)
    return repeated(lambda: spec.build(config, 0).fit(frame, targets), runs=3, long=LONG / 3)


def _predicted(formulas: list[str]) -> Cost:
    """Answers of the pre-trained model. Each run reads formulas of its own, so that none is remembered."""
    model = pretrained.load()
    model.predictor.predict(["LiFePO4"])
    return repeated(lambda: model.predictor.predict(formulas, ion=None), runs=1)


def _featurize(project: Project) -> None:
    # What the map and Faraday's law read.
    for name in ("modnet", "elements", "redox"):
        featurize.run(project, project.params().featurize, feature_set=name)


def _fit(project: Project) -> None:
    for model in _MODELS:
        for _ in fit.run_all(project, project.params(), model=model):
            pass


_STAGES: dict[str, Callable[[Project], object]] = {
    "prepare": lambda p: prepare.run(p, p.params().prepare),
    "featurize": _featurize,
    "map": lambda p: mapping.run(p, p.params().map, seed=p.params().seed),
    "split": lambda p: split.run(p, p.params().split, seed=p.params().seed),
    "fit": _fit,
    "compare": lambda p: compare.run(p, seed=p.params().seed, intervals=p.params().intervals),
    "report": report.run,
    "publish": publish.run,
}
