"""Small projects: the sample cut down, with trainings that take seconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from electrode_bench import params
from electrode_bench.features import FEATURE_SETS
from electrode_bench.project import Layout
from electrode_bench.stages import featurize, prepare, split
from electrode_bench.stages import map as mapping
from support import ROOT


def small_project(folder: Path, *, shuffle: bool) -> Layout:
    """A project on a cut-down sample; ``shuffle`` turns the rows of the raw file around."""
    layout = Layout(folder)
    layout.data.mkdir(parents=True)
    cut = layout.data / "cut.csv"
    subprocess.run(
        [sys.executable, str(ROOT / "sample" / "generate.py"), "--rows", "120", "--out", str(cut)], check=True
    )
    if shuffle:
        head, *rows = cut.read_text().splitlines(keepends=True)
        cut.write_text("".join([head, *reversed(rows)]))
    shutil.copy(ROOT / "data.dvc", layout.data_dvc)
    return layout


QUICK = params.Params(
    seed=1,
    map=params.Map(tsne=params.TSNE(max_iter=300), dbscan=params.DBSCAN(clusters=4, min_samples=5)),
    split=params.Split(
        stratified=params.KFold(folds=3),
        grouped=params.KFold(folds=3),
        bootstrap=params.Bootstrap(sizes=[0.5, 1.0], repeats=2),
    ),
    models={
        "control": {},
        "rf_magpie": {"n_estimators": 10},
        "modnet": {"epochs": 2, "members": 2, "shared": [16], "grouped": [16], "separate": []},
        "crabnet": {"epochs": 1, "members": 1},
    },
)


def until_split(layout: Layout) -> None:
    prepare.run(layout, QUICK.prepare)
    for feature_set in FEATURE_SETS:
        featurize.run(layout, QUICK.featurize, feature_set=feature_set)
    mapping.run(layout, QUICK.map, seed=QUICK.seed)
    split.run(layout, QUICK.split, seed=QUICK.seed)
