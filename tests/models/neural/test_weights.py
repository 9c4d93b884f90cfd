"""The exponential moving average of weights."""

from __future__ import annotations

import math

import pytest
import torch

from electrode_bench.models.neural.weights import WeightEMA, set_weights


def _averaged(values: list[float], *, share: float, steps: int | None = None) -> float:
    """The average after steps that leave a network's only weight at these values."""
    network = torch.nn.Linear(1, 1, bias=False)
    average = WeightEMA(network, steps=steps or len(values), share=share)
    for value in values:
        set_weights(network, [torch.full((1, 1), value)])
        average.update()
    return float(average.weights()[0])


def test_weights_are_averaged_over_the_second_half() -> None:
    values = [float(i * i) for i in range(1, 21)]
    decay, expected = math.exp(-1 / (0.1 * 20)), values[9]
    for value in values[10:]:
        expected = decay * expected + (1 - decay) * value
    assert _averaged(values, share=0.1) == pytest.approx(expected, rel=1e-6)
    assert _averaged([1e9] * 9 + values[9:], share=0.1) == pytest.approx(expected, rel=1e-6)
    assert _averaged([*values[:9], 1e9, *values[10:]], share=0.1) > 2 * expected


def test_without_a_share_or_before_the_second_half_the_last_weights_are_used() -> None:
    assert _averaged([1.0, 2, 3, 4], share=0) == 4
    assert _averaged([1.0, 2], share=0.5, steps=10) == 2


def test_averaged_weights_are_copies() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    for share in (0.0, 0.5):
        average = WeightEMA(network, steps=1, share=share)
        set_weights(network, [torch.ones(1, 1)])
        average.update()
        held = average.weights()
        set_weights(network, [torch.zeros(1, 1)])
        average.update()
        assert float(held[0]) == 1
