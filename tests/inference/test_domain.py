from __future__ import annotations

from pathlib import Path

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


def test_a_saved_domain_is_the_same(tmp_path: Path) -> None:
    domain = Domain(["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2", "Li2Co2O4"])
    domain.save(tmp_path / "domain.npz")
    loaded = Domain.load(tmp_path / "domain.npz")
    assert (loaded.formulas, loaded.elements, loaded.reach) == (domain.formulas, domain.elements, domain.reach)
    assert loaded.nearest("LiCo0.5Ni0.5O2", number=4) == domain.nearest("LiCo0.5Ni0.5O2", number=4)


def test_the_nearest_of_many_is_the_nearest_of_each() -> None:
    domain = Domain(["LiNiO2", "LiCoO2", "LiMnO2", "LiFeO2"])
    # Halfway between two known compositions the first by name is taken.
    formulas = ["LiCo0.5Ni0.5O2", "LiFe0.5Co0.5O2", "Li2MnO3", "LiUO2", "LiCoO2"]
    names, distances = domain.nearest_of_each(formulas)
    one_by_one = [domain.nearest(formula, number=1)[0] for formula in formulas]
    assert names == [name for name, _ in one_by_one]
    assert distances == pytest.approx([distance for _, distance in one_by_one])
    assert domain.nearest_of_each([])[0] == []


def test_membership() -> None:
    domain = Domain(["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2"])
    assert {f: f in domain for f in ("LiCoO2", "Li2Co2O4", "LiUO2", "LiCo20O40")} == {
        "LiCoO2": True, "Li2Co2O4": True, "LiUO2": False, "LiCo20O40": False,
    }  # fmt: skip


def test_an_element_without_a_place_on_the_scale_is_far_from_everything() -> None:
    domain = Domain(["LiNiO2", "LiCoO2"])
    assert domain.nearest("LiOg", number=1) == [("LiCoO2", 102.0)]
    names, distances = domain.nearest_of_each(["LiOg", "LiNiO2", "LiTsO2"])
    assert names[1] == "LiNiO2"
    assert list(distances) == [102.0, pytest.approx(0, abs=1e-9), 102.0]
    assert domain.outside("LiOg", distance=102.0) == "no known electrode contains Og"
    assert "LiOg" not in domain
