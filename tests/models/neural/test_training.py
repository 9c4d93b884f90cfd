"""What trainings share: the size of a batch, and the epoch callback."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.models.base import Prediction, SupportsEpochCallback
from electrode_bench.models.neural.training import Optimisation, batch_size

NETWORKS = [name for name, spec in models.MODELS.items() if "epochs" in spec.config.model_fields and not spec.reference]


@pytest.mark.parametrize(
    ("rows", "largest", "expected"), [(10, 128, 10), (300, 128, 64), (4000, 128, 128), (800, 128, 100)]
)
def test_small_training_sets_get_smaller_batches(rows: int, largest: int, expected: int) -> None:
    assert batch_size(rows, largest) == expected


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_the_steps_are_those_of_adamw_in_a_one_cycle_schedule(steps: int) -> None:
    torch.manual_seed(0)
    x, networks = torch.randn(8, 3), [torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)) for _ in "ab"]
    networks[1].load_state_dict(networks[0].state_dict())
    config: Any = SimpleNamespace(learning_rate=0.1, weight_decay=0.3, ema=0.0)
    optimisation = Optimisation(networks[0], config, steps=steps, clip=0.5)
    reference = torch.optim.AdamW(networks[1].parameters(), lr=0.1, weight_decay=0.3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(reference, 0.1, total_steps=steps + 1)
    for _ in range(steps):
        optimisation.step(networks[0](x).square().sum())
        reference.zero_grad()
        networks[1](x).square().sum().backward()
        torch.nn.utils.clip_grad_norm_(networks[1].parameters(), 0.5)
        reference.step()
        schedule.step()
    optimisation.finish()
    for own, expected in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-5, atol=1e-6)


def test_training_does_not_load_the_compiler_of_torch() -> None:
    code = """
import sys, torch
from types import SimpleNamespace
from typing import Any
from electrode_bench.models.neural.training import Optimisation
network = torch.nn.Linear(2, 1)
config = SimpleNamespace(learning_rate=0.1, weight_decay=0.1, ema=0.1)
optimisation = Optimisation(network, config, steps=1, clip=1.0)
optimisation.step(network(torch.ones(1, 2)).sum())
optimisation.finish()
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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
