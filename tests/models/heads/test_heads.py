"""Extracted share, density and voltage: by hand, and what physics demands of any prediction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from electrode_bench.core.schema import GRAVIMETRIC, SHARE_THRESHOLDS, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.features import featurize
from electrode_bench.models.heads import Electrodes, Quantities, ShareScale, composed, median_share, monotone
from electrode_bench.models.heads.quantities import EXACT_SHARE, FULL_CAPACITY

probabilities = arrays(np.float64, (5, len(SHARE_THRESHOLDS)), elements=st.floats(-0.5, 1.5))


def electrodes(n: int, exact: np.ndarray | None = None) -> Electrodes:
    return Electrodes(np.linspace(50.0, 800.0, n), np.full((n, 118), 1 / 118), exact)


def test_quantities_by_hand() -> None:
    one = Electrodes(np.array([200.0]), np.full((1, 118), 1 / 118))
    targets = pd.DataFrame({GRAVIMETRIC.key: [150.0], VOLUMETRIC.key: [600.0], VOLTAGE.key: [3.5]})
    quantities = Quantities.of(targets, one)
    assert (quantities.share[0], quantities.density[0], quantities.voltage[0]) == (0.75, 4.0, 3.5)
    np.testing.assert_allclose(quantities.targets(one), [[150.0, 600.0, 3.5]])


def test_a_share_above_one_is_one() -> None:
    targets = pd.DataFrame({GRAVIMETRIC.key: [200.1], VOLUMETRIC.key: [600.3], VOLTAGE.key: [3.5]})
    assert Quantities.of(targets, Electrodes(np.array([200.0]), np.full((1, 118), 1 / 118))).share[0] == 1.0


def test_the_columns_of_a_frame_are_found() -> None:
    table = pd.DataFrame(
        {"formula_discharge": ["LiFePO4"], "working_ion": ["Li"], "formula_charge": ["Li0.5FePO4"]}, index=["a"]
    )
    single = Electrodes.of(featurize(table, feature_set="elements+redox"))
    assert single.exact_share is None
    assert single.full_capacity[0] == pytest.approx(169.89, abs=0.01)
    assert single.fractions[0, 25] == pytest.approx(1 / 7)  # iron
    pair = Electrodes.of(featurize(table, feature_set="elements+redox", composition="pair"))
    assert pair.exact_share is not None
    assert pair.exact_share[0] == pytest.approx(0.5)
    np.testing.assert_allclose(pair.fractions, single.fractions)
    with pytest.raises(ValueError, match="'redox: full capacity' is missing"):
        Electrodes.of(featurize(table, feature_set="elements"))
    assert FULL_CAPACITY != EXACT_SHARE


def test_share_values_are_medians_of_the_training_shares() -> None:
    scale = ShareScale.of(np.array([0.5, 0.5, 0.48, 1.0, 1.0, 0.99]))
    below = SHARE_THRESHOLDS.index(0.52)
    assert scale.values[below] == 0.5
    assert scale.values[-1] == 1.0
    assert scale.values[0] == pytest.approx(0.075)  # no training share: the middle of 0 and 0.15
    np.testing.assert_array_equal(scale.below(np.array([0.52]))[0], np.array(SHARE_THRESHOLDS) >= 0.52)
    assert ShareScale.from_json(scale.to_json()) == scale


@given(probabilities)
def test_monotone_is_monotone_and_keeps_what_is_monotone(raw: np.ndarray) -> None:
    cumulative = monotone(raw)
    assert (np.diff(cumulative, axis=1) >= 0).all()
    assert ((cumulative >= 0) & (cumulative <= 1)).all()
    np.testing.assert_array_equal(monotone(cumulative), cumulative)


@given(
    probabilities,
    arrays(np.float64, 5, elements=st.floats(0.5, 20)),
    arrays(np.float64, 5, elements=st.floats(-5, 10)),
    arrays(np.float64, 40, elements=st.floats(1e-6, 1)),
)
@settings(deadline=None)
def test_no_prediction_exceeds_faradays_limit(
    raw: np.ndarray, density: np.ndarray, voltage: np.ndarray, shares: np.ndarray
) -> None:
    these = electrodes(5)
    prediction = composed(
        these,
        cumulative=monotone(raw),
        scale=ShareScale.of(shares),
        density=density,
        density_std=np.full(5, 0.1),
        voltage=voltage,
        voltage_std=np.ones(5),
        index=pd.RangeIndex(5),
    )
    mean = prediction.mean
    assert (mean[GRAVIMETRIC.key] <= these.full_capacity).all()
    assert (mean[GRAVIMETRIC.key] >= 0).all()
    np.testing.assert_allclose(mean[VOLUMETRIC.key], mean[GRAVIMETRIC.key] * density, rtol=1e-12)
    np.testing.assert_array_equal(mean[VOLTAGE.key], voltage)
    assert prediction.std is not None
    assert (prediction.std >= 0).all().all()


def test_the_exact_share_of_a_pair_is_certain() -> None:
    exact = np.array([1.0, 0.5, 0.25])
    these = electrodes(3, exact)
    prediction = composed(
        these,
        cumulative=np.full((3, len(SHARE_THRESHOLDS)), 0.5),
        scale=ShareScale.of(exact),
        density=np.full(3, 4.0),
        density_std=np.full(3, 0.1),
        voltage=np.full(3, 3.0),
        voltage_std=np.ones(3),
        index=pd.RangeIndex(3),
    )
    np.testing.assert_allclose(prediction.mean[GRAVIMETRIC.key], exact * these.full_capacity)
    assert prediction.std is not None
    assert (prediction.std[GRAVIMETRIC.key] == 0).all()
    np.testing.assert_allclose(prediction.std[VOLUMETRIC.key], 0.4 * exact * these.full_capacity)
    assert list(prediction.mean.columns) == list(TARGETS)


def test_median_of_a_distribution() -> None:
    values = np.arange(12) / 11
    cumulative = np.zeros((2, 11))
    cumulative[1, 4:] = 0.5
    np.testing.assert_allclose(median_share(cumulative, values), [1.0, 4 / 11])
