"""Targets are scaled by median and median absolute deviation, and predictions clipped."""

from __future__ import annotations

import json

import numpy as np

from electrode_bench.models.target_scale import TargetScale


def test_targets_are_scaled_by_median_and_median_deviation() -> None:
    targets = np.array([[1.0, 10], [2, 10], [3, 10], [4, 10], [100, 50]])
    scale = TargetScale.of(targets)
    np.testing.assert_array_equal(scale.centre, [3, 10])
    # Deviations 2 1 0 1 97; and 0 0 0 0 40, whose median is 0 and whose mean is 8.
    np.testing.assert_allclose(scale.scale, [1.4826, 8.0])
    np.testing.assert_allclose(scale.scaled(targets)[:, 0], (targets[:, 0] - 3) / 1.4826, rtol=1e-6)
    assert scale.scaled(targets).dtype == np.float32
    np.testing.assert_allclose(scale.restored(scale.scaled(targets)), targets, rtol=1e-6)


def test_an_outlier_changes_only_the_bound() -> None:
    values = np.arange(20.0)[:, None]
    far = np.where(values == 19, 1e9, values)
    one, other = TargetScale.of(values), TargetScale.of(far)
    assert (one.centre, one.scale, one.low, one.high) == (9.5, 1.4826 * 5, 0, 19)
    assert (other.centre, other.scale, other.low, other.high) == (9.5, 1.4826 * 5, 0, 1e9)


def test_constant_targets_are_restored_and_predictions_are_clipped() -> None:
    scale = TargetScale.of(np.array([[5.0, 1], [5, 2], [5, 3]]))
    assert scale.scale[0] == 1
    restored = scale.restored(np.array([[7.0, 1e6], [-7, -1e6], [0, 0], [np.nan, 0]]))
    np.testing.assert_array_equal(restored, [[5, 3], [5, 1], [5, 2], [np.nan, 2]])
    again = TargetScale.from_json(json.loads(json.dumps(scale.to_json())))
    np.testing.assert_array_equal(again.restored(restored), scale.restored(restored))
