"""CrabNet's training: noise on the fractions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.electrodes import element_frame, target_frame

from electrode_bench.models.crabnet.config import Config
from electrode_bench.models.crabnet.model import CrabNet
from electrode_bench.models.crabnet.training import noisy_fractions


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


def test_noise_keeps_every_element_and_the_sum_of_each_part() -> None:
    fraction = torch.tensor([[0.7, 0.3, 0.9, 0.1], [1.0, 1.0, 0.0, 0.0]]).expand(200, 2, 4)
    part = torch.tensor([[0, 0, 1, 1], [0, 1, 0, 0]])
    torch.manual_seed(0)
    noisy = noisy_fractions(fraction, part, 0.5, parts=2)
    torch.testing.assert_close(noisy[:, 0, :2].sum(-1), torch.ones(200))
    torch.testing.assert_close(noisy[:, 0, 2:].sum(-1), torch.ones(200))
    torch.testing.assert_close(noisy[:, 1], fraction[:, 1])
    assert noisy[:, 0].min() > 0
    assert noisy[:, 0, 0].std() > 0.05
    torch.testing.assert_close(noisy_fractions(fraction, part, 0.0, parts=2), fraction)
    assert (noisy_fractions(fraction, part, 0.01, parts=2) - fraction).abs().max() < 0.05


def test_pure_elements_can_be_trained_on_with_any_noise() -> None:
    elements = ["Li", "Na", "K", "Fe", "O2", "S"]
    for formulas in (elements, {"formula_charge": elements, "formula_discharge": [f"Mg2{e}" for e in elements]}):
        frame = element_frame(formulas)
        model = CrabNet(Config(epochs=10, ensemble_size=3, fraction_noise=0.5), 1).fit(
            frame, target_frame([1, 2, 3, 4, 5, 6])
        )
        assert np.isfinite(model.predict(frame).mean.to_numpy()).all()
