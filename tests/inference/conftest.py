from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.intervals import made_up_calibration

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return _predictor(models.spec("rf_magpie"), tmp_path_factory.mktemp("model"), n_estimators=5)


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A predictor whose model predicts the distribution of the extracted share."""
    return _predictor(models.from_module("support.sharing_model"), tmp_path_factory.mktemp("model"))


def _predictor(spec: models.ModelSpec, folder: Path, **config: int) -> Predictor:
    rng = np.random.default_rng(0)
    formulas = [f"Li{a}{m}{b}O{o}" for a in (1, 2) for m in ("Co", "Ni", "Mn", "Fe") for b in (1, 2) for o in (2, 3, 4)]
    table = pd.DataFrame({ID: [f"e{i}" for i in range(len(formulas))], FORMULA: formulas})
    for target in TARGETS:
        table[target] = rng.uniform(1, 5, len(table))
    frame = featurize(table[[FORMULA]], feature_set="magpie_mean")
    model = spec.build(models.configure(spec, config), 1).fit(frame, table[list(TARGETS)])
    models.save(model, folder, spec=spec, about={"composition": "discharged", "feature_set": "magpie_mean"})
    calibration = made_up_calibration(learned=spec.name != "sharing_model")
    return Predictor(FormulaModel(folder), table=table, calibration=calibration)
