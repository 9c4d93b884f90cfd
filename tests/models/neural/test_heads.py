"""The heads of a network: monotone probabilities, first outputs, and the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core.schema import SHARE_THRESHOLDS
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.neural.heads import HeadLoss, cumulative_logits, first_biases, read_outputs
from electrode_bench.models.neural.losses import HeadWeights

K = len(SHARE_THRESHOLDS)


@pytest.fixture(scope="module")
def scale() -> QuantityScale:
    fractions = np.eye(118)[[SYMBOLS.index("O")] * 4]
    quantities = Quantities(np.array([0.5, 1, 1, 1]), np.array([2.0, 3, 4, 5]), np.array([1.0, 2, 3, 4]))
    return QuantityScale.of(quantities, Electrodes(np.full(4, 200.0), fractions))


@given(st.lists(st.floats(-40, 40), min_size=K + 4, max_size=K + 4))
def test_any_outputs_give_a_distribution(values: list[float]) -> None:
    cumulative, mean, std = read_outputs(np.array(values, dtype=np.float32)[None, None], K)
    assert cumulative.shape == (1, 1, K)
    assert mean.shape == std.shape == (1, 1, 2)
    assert (cumulative >= 0).all()
    assert (cumulative <= 1).all()
    assert (np.diff(cumulative) >= 0).all()
    assert (std > 0).all()


def test_what_is_trained_is_what_is_read() -> None:
    torch.manual_seed(0)
    out = 5 * torch.randn(2, 3, K + 4, dtype=torch.float64)
    read = read_outputs(out.numpy(), K)[0]
    np.testing.assert_allclose(read, torch.sigmoid(cumulative_logits(out[..., :K])), atol=1e-12)


def test_first_outputs_are_the_proportions_of_the_training_rows(scale: QuantityScale) -> None:
    out = np.concatenate([first_biases(scale).numpy(), np.zeros(4)])[None, None]
    cumulative = read_outputs(out, K)[0][0, 0]
    thresholds = np.array(SHARE_THRESHOLDS)
    np.testing.assert_allclose(cumulative[thresholds < 0.5], 0.001, atol=1e-3)
    np.testing.assert_allclose(cumulative[thresholds >= 0.5], 0.25, atol=0.05)


def test_the_loss_matches_a_calculation_by_hand(scale: QuantityScale) -> None:
    # Share of cross-entropy log 2 at every threshold where all logits are (nearly) 0.
    out = torch.full((1, 1, K + 4), -60.0)
    out[..., 0] = 0.0
    out[..., K:] = torch.tensor([1.0, 3.0, 0.0, 0.0])
    truth = torch.tensor([[2.0, 0.0, 0.0, *[0.0] * (K - 1), 1.0]])
    weights = HeadWeights(share_weight=3, density_weight=5, voltage_weight=7)
    spread = 2**0.5 * (1 + 3) / 2
    expected = 3 * 2 * np.log(2) + 5 * 1 + 7 * 3 + spread
    assert HeadLoss(weights, scale)(out, truth).item() == pytest.approx(expected, rel=1e-5)
    huber = HeadWeights(share_weight=3, density_weight=5, voltage_weight=7, voltage_loss="huber", voltage_huber=4)
    expected += 7 * (9 / 8 - 3)
    assert HeadLoss(huber, scale)(out, truth).item() == pytest.approx(expected, rel=1e-5)


def test_each_member_has_a_loss_of_its_own(scale: QuantityScale) -> None:
    torch.manual_seed(0)
    out, truth = torch.randn(3, 5, K + 4), torch.rand(5, K + 3)
    loss = HeadLoss(HeadWeights(), scale)
    together = loss(out, truth)
    torch.testing.assert_close(together, torch.cat([loss(out[i : i + 1], truth) for i in range(3)]))
    torch.testing.assert_close(together, loss(out, truth.expand(3, 5, K + 3)))
