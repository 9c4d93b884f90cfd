"""Small pieces of work that the speed of everything hangs on. The suite runs them once, without a clock.

``pytest tests/benchmarks/test_speed.py --benchmark-enable -n 0`` times them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.electrodes import element_frame, table

from electrode_bench import models
from electrode_bench.clustering import elmd
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.evaluation.metrics import score
from electrode_bench.features import FEATURE_SETS
from electrode_bench.inference import pretrained
from electrode_bench.inference.predictor import Predictor
from electrode_bench.models.crabnet.tokens import ElementColumns, Tokens

#: What pytest-benchmark's fixture does: call a function, and return what it returns.
Benchmark = Any


@pytest.fixture(scope="module")
def electrodes() -> pd.DataFrame:
    return table(60)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return pretrained.load().predictor


@pytest.mark.parametrize("name", ["magpie", "modnet", "elements"])
def test_features(benchmark: Benchmark, electrodes: pd.DataFrame, name: str) -> None:
    formulas = sorted(set(electrodes[FORMULA]))
    assert len(benchmark(FEATURE_SETS[name].compute, formulas)) == len(formulas)


def test_tokens(benchmark: Benchmark, electrodes: pd.DataFrame) -> None:
    frame = element_frame(electrodes[FORMULA].tolist())
    columns = ElementColumns.of([str(column) for column in frame.columns])
    assert len(benchmark(Tokens.of, columns.values(frame), columns)) == len(frame)


@pytest.mark.parametrize("name", ["crabnet", "modnet"])
def test_an_epoch_of_a_training(benchmark: Benchmark, electrodes: pd.DataFrame, name: str) -> None:
    spec = models.spec(name)
    config = models.configure(spec, {**spec.quick, "epochs": 1})
    features = FEATURE_SETS[str(spec.feature_set)].compute(electrodes[FORMULA].tolist()).set_axis(electrodes[ID])
    targets = electrodes.set_index(ID)[list(TARGETS)]
    model = benchmark(lambda: spec.build(config, 0).fit(features, targets))
    assert len(model.predict(features).mean) == len(electrodes)


def test_a_prediction(benchmark: Benchmark, predictor: Predictor) -> None:
    answers = benchmark(predictor.predict, ["LiFePO4", "NaMnO2"])
    assert [answer.working_ion for answer in answers] == ["Li", "Na"]


def test_nearest_neighbours(benchmark: Benchmark, electrodes: pd.DataFrame) -> None:
    profiles = elmd.cumulative(sorted(set(electrodes[FORMULA])))
    assert np.allclose(benchmark(elmd.nearest, profiles[:20], profiles), 0)


def test_scoring(benchmark: Benchmark, electrodes: pd.DataFrame) -> None:
    ids = electrodes[ID].tolist()
    fold = Fold("stratified", "fold-0", tuple(ids[20:]), tuple(ids[:20]))
    truth = electrodes.set_index(ID).loc[ids[:20]]
    of_target = [
        pd.DataFrame({
            ID: ids[:20], "protocol": "stratified", "fold": "fold-0", "model": "m", "target": target,
            "y_true": truth[target].to_numpy(), "y_pred": truth[target].to_numpy() + 1.0, "y_std": np.nan,
        })
        for target in TARGETS
    ]  # fmt: skip
    scores = benchmark(score, pd.concat(of_target, ignore_index=True), [fold], electrodes)
    assert set(scores.loc[scores["metric"] == "mae", "value"].round(9)) == {1.0}
