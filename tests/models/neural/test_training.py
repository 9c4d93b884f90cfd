"""What trainings share: the size of a batch, and the epoch callback."""

from __future__ import annotations

import pandas as pd
import pytest
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.models.base import Prediction, SupportsEpochCallback
from electrode_bench.models.neural.training import batch_size

NETWORKS = [name for name, spec in models.MODELS.items() if "epochs" in spec.config.model_fields and not spec.reference]


@pytest.mark.parametrize(
    ("rows", "largest", "expected"), [(10, 128, 10), (300, 128, 64), (4000, 128, 128), (800, 128, 100)]
)
def test_small_training_sets_get_smaller_batches(rows: int, largest: int, expected: int) -> None:
    assert batch_size(rows, largest) == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_an_epoch_callback_changes_no_number(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")
    spec = models.spec(name)
    config = models.configure(spec, {**spec.quick, "epochs": 3, "dropout": 0.1})
    electrodes = table(40).set_index(ID)
    frame, targets = featurize(electrodes, feature_set=str(spec.feature_set)), electrodes[list(TARGETS)]
    expected = spec.build(config, 1).fit(frame, targets).predict(frame).mean
    calls: list[tuple[int, int, Prediction]] = []
    model = spec.build(config, 1)
    assert isinstance(model, SupportsEpochCallback)
    model.epoch_callback = lambda done, planned, predict: calls.append((done, planned, predict(frame)))
    pd.testing.assert_frame_equal(model.fit(frame, targets).predict(frame).mean, expected, check_exact=True)
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert calls[-1][2].mean.equals(expected)
    assert not calls[0][2].mean.equals(expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_exception_of_the_callback_ends_the_training(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")
    spec = models.spec(name)
    electrodes = table(20).set_index(ID)
    frame, targets = featurize(electrodes, feature_set=str(spec.feature_set)), electrodes[list(TARGETS)]
    model = spec.build(models.configure(spec, {**spec.quick, "epochs": 50}), 1)
    calls = []

    def stop(done: int, _: int, __: object) -> None:
        calls.append(done)
        raise KeyError(done)

    model.epoch_callback = stop
    with pytest.raises(KeyError):
        model.fit(frame, targets)
    assert calls == [1]
