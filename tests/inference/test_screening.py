from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.intervals import made_up_calibration

from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import Predicted
from electrode_bench.inference.predictor import Predictor
from electrode_bench.inference.screening import pareto, screen


class FixedModel:
    """A model whose predictions are given."""

    def __init__(self, answers: dict[str, tuple[float, float, float]]) -> None:
        self.answers = answers

    def evaluate(self, frame: pd.DataFrame) -> Predicted:
        targets = pd.DataFrame([self.answers[f] for f in frame[FORMULA]], columns=list(TARGETS))
        return Predicted(targets, undefined=((),) * len(frame))


def _predictor(answers: dict[str, tuple[float, float, float]]) -> Predictor:
    known = pd.DataFrame({FORMULA: ["LiCoO2", "LiNiO2", "NaMnO2"], **dict.fromkeys(TARGETS, 1.0)})
    return Predictor(FixedModel(answers), table=known, calibration=made_up_calibration(cutoff=10.0, has_std=False))  # type: ignore[arg-type]


ANSWERS = {
    "LiCoO2": (100.0, 400.0, 4.0),
    "LiNiO2": (200.0, 500.0, 3.0),
    "LiMnO2": (200.0, 300.0, 5.0),
    "NaMnO2": (150.0, 300.0, 3.0),
    "NaCoO2": (0.5, 0.5, 1.0),
}


def _chunks(formulas: list[str], *, size: int = 2) -> list[pd.DataFrame]:
    frame = pd.DataFrame({"line": range(2, len(formulas) + 2), "formula": formulas, "working_ion": None})
    return [frame[i : i + size] for i in range(0, len(frame), size)]


def test_the_ranking_and_the_pareto_front_by_hand() -> None:
    found = screen(_chunks(list(ANSWERS)), _predictor(ANSWERS), top=2, window=(0.0, 4.3))
    # Energies 400, 600, 1000, 450 and 0.5 Wh/kg; only LiMnO2 lies outside the window, by 0.7 V.
    assert found.best["formula"].tolist() == ["LiMnO2", "LiNiO2"]
    assert found.best["energy"].tolist() == [1000, 600]
    assert found.best["energy_density"].tolist() == [1500, 1500]
    assert found.best["outside_window"].tolist() == pytest.approx([0.7, 0])
    assert found.best["on_front"].tolist() == [True, True]
    assert found.best["rank"].tolist() == [1, 2]
    assert (found.read, found.rejected) == (5, 0)
    assert found.best["theoretical_capacity"].iloc[1] == pytest.approx(274.5, abs=0.1)
    assert found.best.loc[1, ["nearest", "nearest_distance", "in_domain"]].tolist() == ["LiNiO2", 0, True]
    # No standard deviation: the cut-off of 10 times the smallest one, 0.1 V.
    assert found.best.loc[1, ["average_voltage_low", "average_voltage_high"]].tolist() == [2, 4]


def test_energies_are_clipped_to_the_faraday_limit() -> None:
    found = screen(_chunks(["LiCoO2"]), _predictor({"LiCoO2": (547.6, 1000.0, 4.0)})).best.iloc[0]
    # Twice the 273.8 mAh/g that one lithium per formula unit can give, so half of the prediction counts.
    assert found[["gravimetric_capacity", "volumetric_capacity"]].tolist() == [547.6, 1000]
    assert found["energy"] == pytest.approx(273.8 * 4, rel=1e-3)
    assert found["energy_density"] == pytest.approx(500 * 4, rel=1e-3)
    # The interval ends at the limit, also where the prediction is above it.
    assert found["gravimetric_capacity_high"] == found["theoretical_capacity"]
    below = screen(_chunks(["LiCoO2"]), _predictor({"LiCoO2": (273.0, 1000.0, 4.0)})).best.iloc[0]
    assert below["gravimetric_capacity_high"] == below["theoretical_capacity"]


def test_a_capacity_above_the_faraday_limit_is_marked_and_clipped_for_ranking() -> None:
    answers = {"LiCoO2": (547.6, 1000.0, 4.0), "LiNiO2": (100.0, 400.0, 3.0)}
    best = screen(_chunks(list(answers)), _predictor(answers)).best
    # LiCoO2 is ranked by its limit, 273.8 mAh/g.
    by_capacity = screen(
        _chunks([*answers, "NaMnO2"]),
        _predictor({**answers, "NaMnO2": (400.0, 1.0, 1.0), "LiNiO2": (274.0, 1.0, 1.0)}),
        objective="gravimetric_capacity",
    ).best
    assert by_capacity["formula"].tolist() == ["LiNiO2", "LiCoO2", "NaMnO2"]
    assert by_capacity["line"].tolist() == [3, 2, 4]
    assert best.set_index("formula")["above_limit"].to_dict() == {"LiCoO2": True, "LiNiO2": False}


@pytest.mark.parametrize("size", [1, 2, 10])
def test_in_domain_excludes_candidates_outside_the_domain(size: int) -> None:
    answers = ANSWERS | {"LiUO2": (900.0, 900.0, 4.0), "LiCo20O40": (800.0, 800.0, 4.0), "NaUO2": (10.0, 1.0, 9.0)}
    predictor = _predictor(answers)
    inside = [f for f in answers if f in predictor.domain]
    assert inside == list(ANSWERS)
    found = screen(_chunks(list(answers), size=size), predictor, top=2, in_domain=True, window=(0.0, 4.3))
    pd.testing.assert_frame_equal(found.best, screen(_chunks(inside), predictor, top=2, window=(0.0, 4.3)).best)
    assert (found.read, found.rejected) == (8, 0)


def test_candidates_on_the_front_are_kept_beside_the_best() -> None:
    found = screen(
        _chunks(list(ANSWERS)),
        _predictor(ANSWERS),
        top=1,
        objective="volumetric_capacity",
        window=(0.0, 4.3),
    )
    assert found.best["formula"].tolist() == ["LiNiO2", "LiMnO2"]
    assert found.best["rank"].tolist()[0] == 1
    assert pd.isna(found.best["rank"].iloc[1])


def test_lines_that_cannot_be_used_are_rejected_with_a_reason() -> None:
    rejected: list[pd.DataFrame] = []
    formulas = ["LiCoO2", "CoO2", "", "LiAlO2", "Lx2", "Li", "Li2Co2O4"]
    found = screen(
        _chunks(formulas, size=3), _predictor(ANSWERS | {"Li2Co2O4": ANSWERS["LiCoO2"]}), reject=rejected.append
    )
    bad = pd.concat(rejected)
    assert bad["line"].tolist() == [3, 4, 5, 6, 7]
    reasons = "\n".join(bad["reason"])
    for part in (
        "contains no working ion",
        "the formula is missing",
        "contains Li and Al",
        "nothing but the working ion Li",
    ):
        assert part in reasons, reasons
    assert (found.read, found.rejected) == (7, 5)
    # Li2Co2O4 is the same composition as LiCoO2.
    assert found.best["formula"].tolist() == ["LiCoO2"]


def test_a_candidate_that_the_model_cannot_read_is_rejected_alone(predictor: Predictor) -> None:
    # The model's table of elements ends with berkelium.
    formulas = ["LiCoO2", "LiCfO2", "LiNiO2", "LiMnO2", "LiFeO2", "LiEsO2"]
    rejected: list[pd.DataFrame] = []
    found = screen(_chunks(formulas, size=5), predictor, reject=rejected.append)
    bad = pd.concat(rejected)
    assert bad["line"].tolist() == [3, 7]
    assert bad["reason"].str.contains("the element (?:Cf of 'LiCfO2'|Es of 'LiEsO2') is not in the table").all()
    assert sorted(found.best["formula"]) == ["LiCoO2", "LiFeO2", "LiMnO2", "LiNiO2"]
    assert (found.read, found.rejected) == (6, 2)
    only = screen(_chunks(["LiCfO2"]), predictor)
    assert (len(only.best), only.rejected) == (0, 1)


def test_an_ion_may_be_given_for_all_lines_or_for_each() -> None:
    answers = {"LiAlO2": (1.0, 1.0, 1.0), "LiCoO2": (2.0, 2.0, 2.0), "NaCoO2": (3.0, 3.0, 3.0)}
    found = screen(_chunks(list(answers)), _predictor(answers), ion="Al")
    assert found.best.set_index("formula")["working_ion"].to_dict() == {"LiAlO2": "Al", "LiCoO2": "Li", "NaCoO2": "Na"}
    (chunk,) = _chunks(["LiAlO2"])
    found = screen([chunk.assign(working_ion="Li")], _predictor(answers), ion="Al")
    assert found.best["working_ion"].tolist() == ["Li"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "enery"}, "unknown objective 'enery'; did you mean 'energy'"),
        ({"window": (4.0, 1.0)}, "is empty"),
        ({"ion": "Xx"}, "unknown working ion 'Xx'"),
    ],
)
def test_a_wrong_option_is_an_error(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        screen([], _predictor(ANSWERS), **options)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=40), st.integers(1, 40))
def test_the_pareto_front_does_not_depend_on_the_chunks(points: list[tuple[int, int]], cut: int) -> None:
    rows = pd.DataFrame(points, columns=["energy", "outside_window"])
    rows["formula"] = rows["composition"] = [f"f{i:02}" for i in range(len(rows))]
    rows["working_ion"] = "Li"
    energy, outside = rows["energy"].to_numpy(), rows["outside_window"].to_numpy()
    dominated = [
        bool((((energy >= e) & (outside < o)) | ((energy > e) & (outside <= o))).any())
        for e, o in zip(energy, outside, strict=True)
    ]
    front = pareto(rows)
    # Rows that are ignored dominate no other row.
    odd = rows["formula"][1::2].tolist()
    pd.testing.assert_frame_equal(pareto(rows, inside=odd.__contains__), pareto(rows[1::2]))
    assert set(front["formula"]) == set(rows["formula"][~np.array(dominated)])
    in_parts = pareto(pd.concat([pareto(rows[:cut]), rows[cut:]]))
    pd.testing.assert_frame_equal(front, in_parts)
