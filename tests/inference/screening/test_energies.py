from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.inference.screening.energies import objective_ends, objective_values, probability_above


def _row(gravimetric: float, volumetric: float, voltage: float, *, limit: float) -> pd.DataFrame:
    values = dict(zip(TARGETS, (gravimetric, volumetric, voltage), strict=True))
    return pd.DataFrame([{**values, "theoretical_capacity": limit}])


def _ends(*ends: tuple[float, float]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {t: (np.array([a]), np.array([b])) for t, (a, b) in zip(TARGETS, ends, strict=True)}


def test_the_interval_of_an_energy_is_the_product_of_the_ends() -> None:
    row = _row(100.0, 400.0, 4.0, limit=200.0)
    ends = objective_ends(row, _ends((80.0, 150.0), (300.0, 500.0), (3.0, 5.0)))
    assert [float(e[0]) for e in ends["energy"]] == [240.0, 750.0]
    assert [float(e[0]) for e in ends["energy_density"]] == [900.0, 2500.0]
    # A voltage that may be negative: the worst case is the largest capacity.
    ends = objective_ends(row, _ends((80.0, 150.0), (300.0, 500.0), (-1.0, 5.0)))
    assert [float(e[0]) for e in ends["energy"]] == [-150.0, 750.0]
    ends = objective_ends(row, _ends((80.0, 150.0), (300.0, 500.0), (-2.0, -1.0)))
    assert [float(e[0]) for e in ends["energy"]] == [-300.0, -80.0]


def test_capacities_above_the_faraday_limit_are_clipped() -> None:
    row = _row(400.0, 1000.0, 4.0, limit=200.0)
    values = {name: float(v[0]) for name, v in objective_values(row).items()}
    assert values == {
        GRAVIMETRIC.key: 200, VOLUMETRIC.key: 500, VOLTAGE.key: 4, "energy": 800, "energy_density": 2000,
    }  # fmt: skip
    ends = objective_ends(row, _ends((300.0, 500.0), (800.0, 1200.0), (3.0, 5.0)))
    assert {name: (float(a[0]), float(b[0])) for name, (a, b) in ends.items()} == {
        GRAVIMETRIC.key: (200, 200), VOLUMETRIC.key: (400, 600), VOLTAGE.key: (3, 5),
        "energy": (600, 1000), "energy_density": (1200, 3000),
    }  # fmt: skip


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(-8, 8))
def test_a_normal_distribution_gives_its_own_probabilities(mean: float, deviation: float, goal: float) -> None:
    ends = {
        level: tuple(np.array([x]) for x in norm.interval(level, mean, deviation)) for level in (0.5, 0.8, 0.9, 0.95)
    }
    found = probability_above(goal, np.array([mean]), ends)  # type: ignore[arg-type]
    assert found[0] == pytest.approx(norm.sf(goal, mean, deviation), abs=1e-9)


def test_probabilities_at_the_points_that_are_known() -> None:
    value = np.full(5, 10.0)
    # Two intervals that are not symmetric, one that ends at the value, one without width, and a missing one.
    low = np.array([4.0, 4.0, 4.0, 10.0, np.nan])
    high = np.array([20.0, 14.0, 10.0, 10.0, np.nan])
    for goal, expected in ((4.0, 0.95), (10.0, 0.5), (20.0, 0.05)):
        assert probability_above(goal, value, {0.9: (low, high)})[0] == pytest.approx(expected)
    at_value = probability_above(10.0, value, {0.9: (low, high)})
    assert at_value[:4].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0])
    assert np.isnan(at_value[4])
    assert probability_above(9.0, value, {0.9: (low, high)})[3] == 1.0
