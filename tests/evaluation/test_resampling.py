"""Intervals whose draws are shared, against SciPy's."""

from __future__ import annotations

import numpy as np
from scipy.stats import bootstrap

from electrode_bench.evaluation.resampling import group_sums, intervals


def test_the_interval_is_that_of_scipy_with_the_same_draws() -> None:
    rng = np.random.default_rng(3)
    values, weight = rng.gamma(2.0, 1.0, (120, 3)), rng.uniform(0.5, 1.0, 120)
    total, mass = group_sums(values, weight=weight, group=np.repeat(np.arange(40), 3))
    estimate, low, high = intervals(total, mass, seed=7, resamples=999)
    for i in range(3):
        found = bootstrap(
            (total[:, i], mass),
            lambda part, whole, axis: part.sum(axis=axis) / whole.sum(axis=axis),
            paired=True, vectorized=True, n_resamples=999, batch=200, method="BCa", rng=np.random.default_rng(7),
        ).confidence_interval  # fmt: skip
        np.testing.assert_allclose([low[i], high[i]], [found.low, found.high], rtol=1e-9)
        np.testing.assert_allclose(estimate[i], np.average(values[:, i], weights=weight))


def test_a_column_has_the_same_interval_beside_others_as_alone() -> None:
    rng = np.random.default_rng(4)
    total, mass = rng.normal(size=(30, 4)), np.ones(30)
    together = intervals(total, mass, seed=1, resamples=200)
    alone = intervals(total[:, 2:3], mass, seed=1, resamples=200)
    np.testing.assert_allclose([each[2] for each in together], [each[0] for each in alone], rtol=1e-12)
