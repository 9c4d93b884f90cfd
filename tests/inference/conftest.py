from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.inference.calibration import Calibration
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    rng = np.random.default_rng(0)
    formulas = [f"Li{a}{m}{b}O{o}" for a in (1, 2) for m in ("Co", "Ni", "Mn", "Fe") for b in (1, 2) for o in (2, 3, 4)]
    table = pd.DataFrame({ID: [f"e{i}" for i in range(len(formulas))], FORMULA: formulas})
    for target in TARGETS:
        table[target] = rng.uniform(1, 5, len(table))
    spec = models.spec("rf_magpie")
    frame = featurize(table[[FORMULA]], feature_set="magpie_mean")
    model = spec.build(models.configure(spec, {"n_estimators": 5}), 1).fit(frame, table[list(TARGETS)])
    folder: Path = tmp_path_factory.mktemp("model")
    models.save(model, folder, spec=spec, about={"composition": "discharged", "feature_set": "magpie_mean"})
    calibration = {t: Calibration(factor=2.0, min_std=0.1, has_std=True, coverage=0.9) for t in TARGETS}
    return Predictor(FormulaModel(folder), table=table, calibration=calibration)
