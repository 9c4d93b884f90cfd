"""What the script draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.records import make_run

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.report.page.data import (
    LEVELS,
    calibration,
    data,
    parity_facts,
    parity_limits,
    parity_points,
    predictions,
)
from electrode_bench.report.page.results import Results


def _fold(protocol: str, key: str, n_train: int) -> Fold:
    return Fold(protocol, key, tuple(f"t{i}" for i in range(n_train)), ("e0",))


def test_predictions_are_means_and_of_the_bootstrap_those_of_the_largest_size(results: Results) -> None:
    rows = [(i, fold, t, value) for t in TARGETS for i, fold, value in
            (("e0", "small", 9.0), ("e0", "large-0", 1.0), ("e0", "large-1", 2.0))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=[ID, "fold", "target", "y_pred"])
    frame = frame.assign(y_true=0.0, y_std=np.nan, model="m", protocol="bootstrap")
    sizes = {"small": 10, "large-0": 20, "large-1": 20}
    run = make_run(frame, [_fold("bootstrap", key, n) for key, n in sizes.items()])
    only = replace(results, runs=[run])
    tested = parity_points(only)
    assert predictions(tested, ["e0", "e1"])["bootstrap"]["m"]["average_voltage"] == [1.5, None]
    # The middle 99.5% of 0 and 1.5, and 4% of it on either side.
    assert parity_limits(tested)["bootstrap"]["m"]["average_voltage"] == [-0.05595, 1.556]
    # Each of the two large folds counts, and no variance is explained where there is none.
    assert parity_facts(only, tested)["bootstrap"]["m"]["average_voltage"] == ["MAE 1.5 V", "R² -", "n = 1"]


def test_calibration_is_the_share_of_errors_within_z_standard_deviations(results: Results) -> None:
    # Errors of 0, 0.5, 1 and 3 standard deviations; 95% is z = 1.96, 50% is z = 0.674.
    rows = pd.DataFrame({"y_true": 0.0, "y_pred": [0.0, 0.5, -1.0, 3.0], "y_std": 1.0, "fold": "f", ID: list("abcd")})
    frame = pd.concat([rows.assign(target=t) for t in TARGETS]).assign(model="m", protocol="grouped")
    folds = [_fold("grouped", "f", 9)]
    without = make_run(frame.assign(y_std=np.nan, model="none"), folds)
    shares = calibration(replace(results, runs=[make_run(frame, folds), without]))
    assert list(shares) == ["m"]
    at = dict(zip(LEVELS, shares["m"]["average_voltage"], strict=True))
    assert (at[0.05], at[0.5], at[0.7], at[0.95]) == (0.25, 0.5, 0.75, 0.75)


def test_the_map_has_groups_labels_and_colours(results: Results) -> None:
    drawn = data(results)
    groups = {group["key"]: group["title"] for group in drawn["map"]["groups"]["cluster"]}
    assert set(groups) == {str(cluster) for cluster in drawn["electrodes"]["cluster"]}
    for cluster, representative in drawn["representatives"].items():
        name, formula = representative["name"], representative["formula"]
        assert groups[cluster] == f"{cluster}: {name}, e.g. {formula} ({representative['n']})"
    ids = {representative["id"] for representative in drawn["representatives"].values()}
    widths = [layout["width"] for layout in drawn["map"]["labelLayouts"]]
    assert widths == sorted(widths)
    assert {label["id"] for label in drawn["map"]["labelLayouts"][-1]["labels"]} == ids
    low, high = drawn["map"]["colours"]["average_voltage"]
    assert low == pytest.approx(np.percentile(results.table["average_voltage"], 1), rel=1e-4)
    assert high == pytest.approx(np.percentile(results.table["average_voltage"], 99), rel=1e-4)
