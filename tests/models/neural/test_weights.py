"""Weights as one tensor, and their exponential moving average."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from electrode_bench.errors import UserError
from electrode_bench.models.neural.weights import FlatWeights, WeightEMA, load_weights, save_weights


def _averaged(values: list[float], *, share: float, steps: int | None = None) -> float:
    """The average after steps that leave the only weight at these values."""
    weights = torch.zeros(1)
    average = WeightEMA(weights, steps=steps or len(values), share=share)
    for value in values:
        weights.fill_(value)
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
    for share in (0.0, 0.5):
        weights = torch.ones(1)
        average = WeightEMA(weights, steps=1, share=share)
        average.update()
        held = average.weights()
        weights.zero_()
        average.update()
        assert float(held[0]) == 1


def test_a_network_computes_with_the_flat_weights_and_its_gradient_is_theirs() -> None:
    torch.manual_seed(0)
    network, x = torch.nn.Linear(3, 2), torch.ones(1, 3)
    before = network(x)
    flat = FlatWeights(network)
    assert torch.equal(network(x), before)
    network(x).sum().backward()
    assert flat.grad.tolist() == [1.0] * 8
    with torch.no_grad():
        flat.values.zero_()
    assert network(x).tolist() == [[0, 0]]
    flat.use(torch.ones(8))
    assert network(x).tolist() == [[4, 4]]
    flat.use(flat.values)
    assert network(x).tolist() == [[0, 0]]


def test_released_weights_share_no_memory() -> None:
    network = torch.nn.Linear(3, 2)
    flat = FlatWeights(network)
    given = torch.ones(8)
    flat.release(given)
    given.zero_()
    with torch.no_grad():
        flat.values.zero_()
    assert network(torch.ones(1, 3)).tolist() == [[4, 4]]
    assert network.weight.grad is None
    assert len({p.untyped_storage().data_ptr() for p in network.parameters()}) == 2


def test_saved_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    save_weights(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1)), tmp_path)
    same = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    load_weights(same, tmp_path)
    for other in (torch.nn.Sequential(torch.nn.Linear(3, 2)), torch.nn.Sequential(torch.nn.Linear(4, 2), same[1])):
        with pytest.raises(UserError, match=r"network\.safetensors has other layers than this version"):
            load_weights(other, tmp_path)
