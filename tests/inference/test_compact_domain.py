from __future__ import annotations

import json

import numpy as np

from electrode_bench.inference.compact_domain import CompactDomain

FORMULAS = [f"Li{a}{m}{b}O{o}" for a in (1, 2, 3) for m in ("Co", "Ni", "Mn", "Fe") for b in (1, 2) for o in (2, 3, 4)]
DOMAIN = CompactDomain.of(FORMULAS, centroids=8)


def test_known_compositions_are_near_and_others_are_not() -> None:
    names, distance = DOMAIN.nearest_of_each(["LiCoO2", "Li2FeO4", "LiPO4"])
    assert names == [None] * 3
    assert (distance[:2] <= DOMAIN.reach).all()
    assert DOMAIN.outside("LiCoO2", distance=distance[0]) is None
    assert DOMAIN.outside("LiPO4", distance=distance[2]) == "no known electrode contains P"
    far = float(DOMAIN.nearest_of_each(["LiFe20"])[1][0])
    assert str(DOMAIN.outside("LiFe20", distance=far)).startswith("the nearest group of known compositions is")


def test_it_survives_json_and_holds_no_composition() -> None:
    again = CompactDomain.from_json(json.loads(json.dumps(DOMAIN.to_json())))
    formulas = [*FORMULAS, "Li5CoO9"]
    np.testing.assert_array_equal(again.nearest_of_each(formulas)[1], DOMAIN.nearest_of_each(formulas)[1])
    assert (again.elements, again.reach) == (DOMAIN.elements, DOMAIN.reach)
    # Each centroid is the mean of several.
    assert len(DOMAIN.centroids) <= 8
    assert DOMAIN.nearest_of_each(FORMULAS)[1].min() > 0


def test_the_order_and_the_spelling_of_formulas_do_not_matter() -> None:
    other = CompactDomain.of([*FORMULAS[::-1], "O2CoLi"], centroids=8)
    np.testing.assert_array_equal(other.centroids, DOMAIN.centroids)
    assert other.reach == DOMAIN.reach


def test_a_single_composition() -> None:
    assert CompactDomain.of(["LiCoO2"]).reach == 0.0
