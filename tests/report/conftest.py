"""A small finished project: the sample cut down, two models under all protocols, compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_pipeline import QUICK, _project

from electrode_bench import splits
from electrode_bench.layout import Layout
from electrode_bench.stages import compare, featurize, fit, prepare, split
from electrode_bench.stages import map as mapping

MODELS = ("control", "rf_magpie")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder: Path = tmp_path_factory.mktemp("finished")
    layout = _project(folder, shuffle=False)
    prepare.run(layout, QUICK.prepare)
    for feature_set in ("magpie_mean", "modnet"):
        featurize.run(layout, QUICK.featurize, feature_set=feature_set)
    mapping.run(layout, QUICK.map, seed=QUICK.seed)
    split.run(layout, QUICK.split, seed=QUICK.seed)
    for model in MODELS:
        for protocol in splits.PROTOCOLS:
            fit.run(layout, QUICK, model=model, protocol=protocol, workers=1)
    compare.run(layout, seed=QUICK.seed)
    return layout
