"""The share's head of both networks is stable: over folds and seeds, and it learns what the redox features say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.electrodes import redox_electrodes

from electrode_bench import models
from electrode_bench.core.schema import GRAVIMETRIC, ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.models.heads.quantities import FULL_CAPACITY


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


@pytest.mark.parametrize("name", ["modnet_physics", "crabnet_physics"])
def test_the_head_of_the_share_is_stable_over_folds_and_seeds(name: str) -> None:
    spec = models.spec(name)
    electrodes = redox_electrodes(150).set_index(ID)
    frame, targets = featurize(electrodes, feature_set=str(spec.feature_set)), electrodes[list(TARGETS)]
    config = models.configure(spec, {"epochs": 30, "ensemble_size": 2})
    fold = np.arange(len(frame)) % 3
    errors = {}
    for seed in (1, 2):
        for test in range(3):
            model = spec.build(config, seed).fit(frame[fold != test], targets[fold != test])
            share = model.predict(frame[fold == test]).mean[GRAVIMETRIC.key] / frame[FULL_CAPACITY][fold == test]
            true = targets[GRAVIMETRIC.key][fold == test] / frame[FULL_CAPACITY][fold == test]
            errors[seed, test] = (share - true).abs().mean(), (1 - true).abs().mean()
    found = pd.DataFrame(errors, index=["error", "of full extraction"]).T
    assert (found["error"] < 0.5 * found["of full extraction"]).all()
