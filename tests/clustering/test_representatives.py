"""The electrode that represents a cluster."""

from __future__ import annotations

import pandas as pd

from electrode_bench.clustering.representatives import representatives


def test_noise_has_no_representative() -> None:
    formulas = pd.Series({"e3": "LiF", "e1": "LiF", "e2": "NaF", "e4": "KF", "e5": "Li2O"})
    clusters = pd.Series({"e1": 0, "e2": 0, "e3": 0, "e4": 0, "e5": -1})
    # Na lies between Li and K on the scale.
    assert representatives(formulas, clusters) == ["e2"]
    assert representatives(formulas, clusters.replace({0: -1, -1: 0})) == ["e5"]
    # Of electrodes with one formula, the smallest id.
    assert representatives(formulas[["e3", "e1"]], clusters[["e3", "e1"]]) == ["e1"]
