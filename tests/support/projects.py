"""Small projects: the sample cut down to 120 rows, with trainings that take seconds."""

from __future__ import annotations

import runpy
import shutil
from functools import cache
from pathlib import Path

import yaml

from electrode_bench import models, params
from electrode_bench.data.card import SYNTHETIC_PREFIX
from electrode_bench.features import FEATURE_SETS
from electrode_bench.project import Project
from electrode_bench.splits.bootstrap import Bootstrap
from electrode_bench.splits.kfold import KFold
from electrode_bench.stages import compare, featurize, fit, prepare, split
from electrode_bench.stages import map as mapping
from support import ROOT

#: The models of this package that the pipeline fits.
FITTED = ["control", "rf_magpie", "modnet", "crabnet"]

#: The protocols of this package.
PROTOCOLS = ["stratified", "grouped", "loco", "bootstrap"]

QUICK = params.Params(
    seed=1,
    map=params.Map(tsne=params.TSNE(max_iter=300), dbscan=params.DBSCAN(clusters=4, min_samples=5)),
    split=params.Split(
        protocols=PROTOCOLS,
        stratified=KFold(folds=3).model_dump(mode="json"),
        grouped=KFold(folds=3).model_dump(mode="json"),
        bootstrap=Bootstrap(sizes=[0.5, 1.0], repeats=2).model_dump(mode="json"),
    ),
    fit=params.Fit(models=FITTED),
    models={name: dict(models.spec(name).quick) for name in FITTED},
)


def small_project(folder: Path, *, shuffle: bool = False, synthetic: bool = True) -> Project:
    """A project without results on the cut-down sample.

    Parameters
    ----------
    shuffle : reverse the rows of the raw file.
    synthetic : False gives the rows ids of real electrodes.
    """
    project = Project(folder)
    project.paths.data.mkdir(parents=True)
    cut = project.paths.data / "cut.csv"
    cut.write_text(_cut_sample(), encoding="utf-8", newline="\n")
    if shuffle:
        head, *rows = cut.read_text().splitlines(keepends=True)
        cut.write_text("".join([head, *reversed(rows)]))
    if not synthetic:
        cut.write_text(cut.read_text().replace(SYNTHETIC_PREFIX, "mp-"))
    shutil.copy(ROOT / "data.dvc", project.paths.data_dvc)
    write_params(project, QUICK)
    return project


@cache
def _cut_sample() -> str:
    """What ``sample/generate.py --rows 120`` writes."""
    made = runpy.run_path(str(ROOT / "sample" / "generate.py"))
    return str(made["as_csv"](made["electrodes"](120, made["SEED"])))


def write_params(project: Project, values: params.Params) -> None:
    """Write ``values`` as the project's params.yaml."""
    project.paths.params.write_text(yaml.safe_dump(values.model_dump(mode="json"), sort_keys=False))


def until_split(project: Project, *, feature_sets: tuple[str, ...] = tuple(FEATURE_SETS)) -> None:
    """Run the stages from ``prepare`` to ``split``."""
    prepare.run(project, QUICK.prepare)
    for feature_set in feature_sets:
        featurize.run(project, QUICK.featurize, feature_set=feature_set)
    mapping.run(project, QUICK.map, seed=QUICK.seed)
    split.run(project, QUICK.split, seed=QUICK.seed)


def finished_project(folder: Path) -> Project:
    """A small finished project: two models under all protocols, compared."""
    project = small_project(folder)
    until_split(project, feature_sets=("magpie_mean", "modnet"))
    for model in ("control", "rf_magpie"):
        for protocol in PROTOCOLS:
            fit.run(project, QUICK, model=model, protocol=protocol)
    compare.run(project, seed=QUICK.seed)
    return project
