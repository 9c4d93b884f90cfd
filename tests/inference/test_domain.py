from __future__ import annotations

import numpy as np
import pytest

from electrode_bench.clustering import elmd
from electrode_bench.inference.domain import Domain


def test_the_reach_is_a_quantile_of_the_distances_between_known_compositions() -> None:
    known = ["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2", "Li2Co2O4"]
    domain = Domain(known)
    # Two spellings of one composition count once.
    assert sorted(domain.formulas) == ["LiCoO2", "LiFeO2", "LiMnO2", "LiNiO2"]
    distance = elmd.distances(domain.formulas)
    np.fill_diagonal(distance, np.inf)
    assert domain.reach == pytest.approx(np.quantile(distance.min(axis=1), 0.95))
    (near, nearest_distance), *_ = domain.nearest("LiCoO2", number=2)
    assert (near, nearest_distance) == ("LiCoO2", pytest.approx(0, abs=1e-9))
    assert domain.outside("LiCoO2", distance=0.0) is None
    assert domain.outside("LiCoO2", distance=domain.reach * 2).startswith("the nearest known composition is")  # type: ignore[union-attr]
    assert domain.outside("LiUO2", distance=0.0) == "no known electrode contains U"


def test_membership() -> None:
    domain = Domain(["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2"])
    assert {f: f in domain for f in ("LiCoO2", "Li2Co2O4", "LiUO2", "LiCo20O40")} == {
        "LiCoO2": True, "Li2Co2O4": True, "LiUO2": False, "LiCo20O40": False,
    }  # fmt: skip
