"""Standard deviations of composed targets."""

from __future__ import annotations

import numpy as np
import pytest

from electrode_bench.core.schema import TARGETS
from electrode_bench.models.heads.deviation import composed_deviations, share_deviation
from electrode_bench.models.heads.quantities import Electrodes, Quantities


def test_the_deviation_of_a_share_matches_a_calculation_by_hand() -> None:
    cumulative = np.array([[0.0, 0.0], [0.25, 0.5], [1.0, 1.0]])
    # Second row: 0.2, 0.5 and 1 with probabilities 1/4, 1/4 and 1/2: mean 0.675, mean square 0.5725.
    expected = [0.0, (0.5725 - 0.675**2) ** 0.5, 0.0]
    np.testing.assert_allclose(share_deviation(cumulative, (0.2, 0.5, 1.0)), expected, atol=1e-12)


def test_composed_deviations_match_those_of_drawn_errors() -> None:
    rng = np.random.default_rng(0)
    electrodes = Electrodes(np.array([250.0]), np.zeros((1, 118)))
    value, deviation = Quantities(*np.array([[0.6], [4.0], [3.2]])), Quantities(*np.array([[0.08], [0.5], [0.3]]))
    share, density, voltage = (
        rng.normal(getattr(value, name), getattr(deviation, name), 400_000) for name in ("share", "density", "voltage")
    )
    drawn = {"gravimetric_capacity": share * 250, "volumetric_capacity": share * 250 * density}
    drawn["average_voltage"] = voltage
    found = composed_deviations(value, deviation, electrodes, list(TARGETS))
    assert found.shape == (1, 3)
    for name, std in zip(TARGETS, found[0], strict=True):
        assert std == pytest.approx(drawn[name].std(), rel=0.01)
