"""Quantities become what a network learns, and its outputs become a prediction."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import SHARE_THRESHOLDS, TARGETS
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.scale import QuantityScale

THRESHOLDS = np.array(SHARE_THRESHOLDS)


@pytest.fixture
def electrodes() -> Electrodes:
    rng = np.random.default_rng(0)
    fractions = np.zeros((30, 118))
    fractions[:, [SYMBOLS.index(e) for e in ("Li", "Fe", "O")]] = rng.dirichlet([1, 1, 2], 30)
    return Electrodes(rng.uniform(100, 400, 30), fractions)


@pytest.fixture
def quantities() -> Quantities:
    rng = np.random.default_rng(1)
    return Quantities(rng.choice([0.5, 1.0], 30), rng.uniform(2, 5, 30), rng.normal(3, 1, 30))


def test_perfect_outputs_give_back_the_targets(electrodes: Electrodes, quantities: Quantities) -> None:
    scale = QuantityScale.of(quantities, electrodes)
    truth = scale.truth(quantities, electrodes).astype(np.float64)
    assert truth[:, 0].mean() == pytest.approx(1, rel=1e-6)
    index, zeros = pd.Index([f"e{i}" for i in range(30)]), np.zeros((2, 30, 2))
    members = np.stack([truth, truth])
    prediction = scale.prediction(
        members[..., 3:], members[..., 1:3], zeros, electrodes, index=index, targets=list(TARGETS)
    )
    np.testing.assert_allclose(prediction.mean, quantities.targets(electrodes), rtol=1e-5)
    assert prediction.mean.index.equals(index)
    assert prediction.std is not None
    np.testing.assert_allclose(prediction.std, 0, atol=1e-4)
    assert prediction.share is not None
    np.testing.assert_array_equal(prediction.share, quantities.share[:, None] <= THRESHOLDS)
    assert list(prediction.share.columns) == list(SHARE_THRESHOLDS)


def test_members_are_averaged_before_the_median(electrodes: Electrodes, quantities: Quantities) -> None:
    scale = QuantityScale.of(quantities, electrodes)
    # Two of three members are sure of a half, but the third is sure of the whole.
    cumulative = np.stack([np.tile(s <= THRESHOLDS, (30, 1)) for s in (0.5, 0.5, 1.0)]).astype(float)
    mean = np.zeros((3, 30, 2))
    mean[:, :, 1] = np.array([-1.0, 0.0, 1.0])[:, None]
    found = scale.prediction(
        cumulative, mean, np.ones((3, 30, 2)), electrodes, index=pd.RangeIndex(30), targets=list(TARGETS)
    )
    np.testing.assert_allclose(found.mean["gravimetric_capacity"], 0.5 * electrodes.full_capacity)
    assert found.std is not None
    np.testing.assert_allclose(
        found.std["gravimetric_capacity"], (2 / 9) ** 0.5 * 0.5 * electrodes.full_capacity, rtol=1e-6
    )
    # Variance of the members' values 2/3, and of each member 1.
    np.testing.assert_allclose(found.std["average_voltage"], (5 / 3) ** 0.5 * scale.scale.scale[1], rtol=1e-6)


def test_density_stays_within_that_of_the_training_rows(electrodes: Electrodes, quantities: Quantities) -> None:
    scale = QuantityScale.of(quantities, electrodes)
    far = Electrodes(electrodes.full_capacity, np.eye(118)[[SYMBOLS.index("U")] * 30])
    mean = np.full((1, 30, 2), 50.0)
    share = np.zeros((1, 30, len(THRESHOLDS)))
    found = scale.prediction(share, mean, mean * 0, far, index=pd.RangeIndex(30), targets=list(TARGETS)).mean
    ratio = found["volumetric_capacity"] / found["gravimetric_capacity"]
    np.testing.assert_allclose(ratio, quantities.density.max())
    np.testing.assert_allclose(found["average_voltage"], quantities.voltage.max())


def test_an_exact_share_is_kept(electrodes: Electrodes, quantities: Quantities) -> None:
    scale = QuantityScale.of(quantities, electrodes)
    exact = Electrodes(electrodes.full_capacity, electrodes.fractions, np.full(30, 0.4))
    zeros = np.zeros((1, 30, 2))
    share = np.zeros((1, 30, len(THRESHOLDS)))
    found = scale.prediction(share, zeros, zeros, exact, index=pd.RangeIndex(30), targets=list(TARGETS))
    np.testing.assert_allclose(found.mean["gravimetric_capacity"], 0.4 * electrodes.full_capacity)
    assert found.std is not None
    assert (found.std["gravimetric_capacity"] == 0).all()
    assert found.share is not None
    np.testing.assert_array_equal(found.share, np.tile(THRESHOLDS >= 0.4, (30, 1)))


def test_a_scale_survives_json(electrodes: Electrodes, quantities: Quantities) -> None:
    scale = QuantityScale.of(quantities, electrodes)
    again = QuantityScale.from_json(json.loads(json.dumps(scale.to_json())))
    np.testing.assert_array_equal(again.truth(quantities, electrodes), scale.truth(quantities, electrodes))
    assert again.to_json() == scale.to_json()
