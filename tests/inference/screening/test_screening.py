from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.intervals import made_up_calibration

from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates import Unreadable
from electrode_bench.inference.formula_model import Predicted
from electrode_bench.inference.predictor import Predictor
from electrode_bench.inference.screened import COLUMNS
from electrode_bench.inference.screening import Options, Screened, screen
from electrode_bench.inference.screening.ranking import pareto
from electrode_bench.inference.screening.seen import Seen

Answers = dict[str, tuple[float, ...]]


class FixedModel:
    """A model whose predictions are given: the three targets, and optionally their standard deviations."""

    columns = (FORMULA, "working_ion")

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def evaluate(self, frame: pd.DataFrame) -> Predicted:
        names = [*TARGETS, *(f"{t}_std" for t in TARGETS)]
        rows = [self.answers[f] for f in frame[FORMULA]]
        targets = pd.DataFrame(rows, columns=names[: len(rows[0])])
        return Predicted(targets, undefined=((),) * len(frame))


def _predictor(answers: Answers) -> Predictor:
    known = pd.DataFrame({FORMULA: ["LiCoO2", "LiNiO2", "NaMnO2"], **dict.fromkeys(TARGETS, 1.0)})
    has_std = len(next(iter(answers.values()))) > 3
    calibration = made_up_calibration(cutoff=10.0, has_std=has_std)
    return Predictor(FixedModel(answers), table=known, calibration=calibration)  # type: ignore[arg-type]


ANSWERS: Answers = {
    "LiCoO2": (100.0, 400.0, 4.0),
    "LiNiO2": (200.0, 500.0, 3.0),
    "LiMnO2": (200.0, 300.0, 5.0),
    "NaMnO2": (150.0, 300.0, 3.0),
    "NaCoO2": (0.5, 0.5, 1.0),
}


def _chunks(formulas: list[str], *, size: int = 2, **columns: list) -> list[pd.DataFrame]:
    frame = pd.DataFrame({"line": range(2, len(formulas) + 2), "formula": formulas, "working_ion": None, **columns})
    return [frame[i : i + size] for i in range(0, len(frame), size)]


def _screen(formulas: list[str], answers: Answers = ANSWERS, *, size: int = 2, **options) -> Screened:
    return screen(_chunks(formulas, size=size), _predictor(answers), Options(**options))


def test_the_ranking_and_the_pareto_front_by_hand() -> None:
    found = _screen(list(ANSWERS), top=2, rank="value")
    # Energies 400, 600, 1000, 450 and 0.5 Wh/kg at 4, 3, 5, 3 and 1 V. LiCoO2 has less energy than LiNiO2 at a higher
    # voltage; NaCoO2 has the least energy at the lowest voltage.
    assert found.best["formula"].tolist() == ["LiMnO2", "LiNiO2", "NaCoO2"]
    assert found.best["energy"].tolist() == [1000, 600, 0.5]
    assert found.best["energy_density"].tolist() == [1500, 1500, 0.5]
    assert found.best["on_front"].tolist() == [True, True, True]
    assert found.best["rank"].tolist()[:2] == [1, 2]
    assert found.best["rank"].isna().tolist() == [False, False, True]
    assert (found.read, found.rejected, found.kept, found.duplicates) == (5, 0, 3, 0)
    assert found.best["theoretical_capacity"].iloc[1] == pytest.approx(274.5, abs=0.1)
    assert found.best.loc[1, ["nearest", "nearest_distance", "in_domain"]].tolist() == ["LiNiO2", 0, True]
    first = found.best.iloc[0]
    # The model predicts no standard deviation: 10 times 0.1 V, wider by the root of the distance.
    half = 1 + np.sqrt(first["nearest_distance"])
    assert first[["average_voltage_low", "average_voltage_high"]].tolist() == pytest.approx([5 - half, 5 + half])
    for end in ("low", "high"):
        product = first[f"gravimetric_capacity_{end}"] * first[f"average_voltage_{end}"]
        assert first[f"energy_{end}"] == pytest.approx(product)
    assert first["energy_low"] <= first["energy"] <= first["energy_high"]
    # LiNiO2 is in the training data.
    assert found.best.loc[1, ["energy_low", "energy_high", "average_voltage_low"]].isna().all()
    assert list(found.best) == list(COLUMNS)


def test_the_lower_bound_punishes_what_is_uncertain() -> None:
    # Both are unknown compositions. The voltage of the better one is much less certain.
    answers: Answers = {"NaCoO2": (200.0, 400.0, 4.0, 1.0, 1.0, 0.01), "LiMnO2": (200.0, 400.0, 4.2, 1.0, 1.0, 0.5)}
    objective = "average_voltage"
    found = _screen(list(answers), answers, objective=objective, rank="value").best
    assert found["formula"].tolist() == ["LiMnO2", "NaCoO2"]
    assert found["score"].tolist() == [4.2, 4.0]
    found = _screen(list(answers), answers, objective=objective).best
    assert found["formula"].tolist() == ["NaCoO2", "LiMnO2"]
    assert found["score"].tolist() == found["average_voltage_low"].tolist()


def test_without_an_interval_a_candidate_comes_last() -> None:
    # LiCo20O40 is too far from all known compositions for an interval.
    answers = {"LiCo20O40": (30.0, 900.0, 4.0), "NaMnO2": (1.0, 1.0, 2.0), "Li4CoO40": (20.0, 900.0, 4.0)}
    found = _screen(list(answers), answers, top=3)
    assert found.best["score"].isna().tolist() == [False, True, True]
    assert found.best["formula"].tolist() == ["NaMnO2", "Li4CoO40", "LiCo20O40"]
    assert found.best["rank"].tolist() == [1, 2, 3]
    assert (
        found.best["notes"].str.contains("too unlike the known electrodes for an interval").tolist()[1:] == [True] * 2
    )
    assert found.best["on_front"].tolist() == [True, False, False]
    assert _screen(list(answers), answers, rank="value").best["formula"].tolist()[0] == "Li4CoO40"


def test_a_ranking_by_probability_needs_a_goal() -> None:
    answers: Answers = {"LiCoO2": (250.0, 400.0, 4.0, 1.0, 1.0, 0.01), "LiNiO2": (250.0, 400.0, 3.9, 1.0, 1.0, 0.3)}
    low_goal = _screen(list(answers), answers, rank="probability", goal=100.0).best
    assert low_goal["formula"].tolist() == ["LiCoO2", "LiNiO2"]
    high_goal = _screen(list(answers), answers, rank="probability", goal=1400.0).best
    assert high_goal["formula"].tolist() == ["LiNiO2", "LiCoO2"]
    assert high_goal["probability"].between(0, 0.5).all()
    # Two candidates and another goal: the goal alone adds the column, and the order stays.
    assert _screen(list(answers), answers, goal=1400.0).best["probability"].notna().all()
    assert _screen(list(answers), answers).best["probability"].isna().all()


def test_energies_are_clipped_to_the_faraday_limit() -> None:
    found = _screen(["LiCoO2"], {"LiCoO2": (547.6, 1000.0, 4.0)}).best.iloc[0]
    # Twice the 273.8 mAh/g that one lithium per formula unit can give, so half of the prediction counts.
    assert found[["gravimetric_capacity", "volumetric_capacity"]].tolist() == [547.6, 1000]
    assert found["energy"] == pytest.approx(273.8 * 4, rel=1e-3)
    assert found["energy_density"] == pytest.approx(500 * 4, rel=1e-3)
    assert "impossible: the predicted capacity is above the Faraday limit of 274 mAh/g" in found["notes"]
    # The interval ends at the limit, also where the prediction is above it.
    above = _screen(["LiMnO2"], {"LiMnO2": (547.6, 1000.0, 4.0)}).best.iloc[0]
    assert above["gravimetric_capacity_high"] == above["theoretical_capacity"]
    below = _screen(["LiMnO2"], {"LiMnO2": (282.0, 1000.0, 4.0)}).best.iloc[0]
    assert below["gravimetric_capacity_high"] == below["theoretical_capacity"]


def test_a_capacity_above_the_faraday_limit_is_marked_and_clipped_for_ranking() -> None:
    # LiCoO2 is ranked by its limit, 273.8 mAh/g.
    answers = {"LiCoO2": (547.6, 1000.0, 4.0), "NaMnO2": (400.0, 1.0, 1.0), "LiNiO2": (274.0, 1.0, 1.0)}
    best = _screen(list(answers), answers, objective="gravimetric_capacity", rank="value").best
    assert best["formula"].tolist() == ["LiNiO2", "LiCoO2", "NaMnO2"]
    assert best["line"].tolist() == [4, 2, 3]
    assert best.set_index("formula")["above_limit"].to_dict() == {"LiCoO2": True, "LiNiO2": False, "NaMnO2": True}


@pytest.mark.parametrize("size", [1, 2, 10])
def test_in_domain_excludes_candidates_outside_the_domain(size: int) -> None:
    answers = ANSWERS | {"LiUO2": (900.0, 900.0, 4.0), "LiCo20O40": (800.0, 800.0, 4.0), "NaUO2": (10.0, 1.0, 9.0)}
    predictor = _predictor(answers)
    inside = [f for f in answers if f in predictor.domain]
    assert inside == list(ANSWERS)
    assert (predictor.domain.nearest_within(list(answers), 9.0) <= predictor.domain.reach).tolist() == [
        f in inside for f in answers
    ]
    found = _screen(list(answers), answers, size=size, top=2, in_domain=True)
    pd.testing.assert_frame_equal(found.best, _screen(inside, answers, top=2).best)
    assert (found.read, found.rejected, found.outside_domain) == (8, 0, 3)


@pytest.mark.parametrize("size", [1, 2, 10])
def test_the_window_filters_by_voltage_and_says_how_many(size: int) -> None:
    found = _screen(list(ANSWERS), size=size, window=(3.0, 4.0))
    assert sorted(found.best["formula"]) == ["LiCoO2", "LiNiO2", "NaMnO2"]
    assert (found.filtered, found.read) == (2, 5)
    assert len(_screen(list(ANSWERS), window=(6.0, 7.0)).best) == 0


def test_candidates_on_the_front_are_kept_beside_the_best() -> None:
    found = _screen(["LiNiO2", "LiMnO2"], top=1, objective="volumetric_capacity", rank="value")
    assert found.best["formula"].tolist() == ["LiNiO2", "LiMnO2"]
    assert found.best["rank"].tolist()[0] == 1
    assert pd.isna(found.best["rank"].iloc[1])


def test_anodes_are_marked_and_are_not_on_the_front() -> None:
    answers = {"LiCoO2": (100.0, 400.0, 4.0), "LiNiO2": (300.0, 500.0, 0.2)}
    best = _screen(list(answers), answers, rank="value").best.set_index("formula")
    assert best["on_front"].to_dict() == {"LiCoO2": True, "LiNiO2": False}
    assert (
        "an anode rather than a cathode: the energies are those of a cathode against Li metal"
        in best.loc["LiNiO2", "notes"]
    )


def test_impossible_and_unknown_candidates_are_marked_in_words() -> None:
    answers = dict.fromkeys(("LiAlO2", "Li3VO4", "LiUO2", "LiOgO2", "LiCoO2"), (50.0, 200.0, 4.0))
    best = _screen(list(answers), answers, ion="Li").best.set_index("formula")
    notes = best["notes"]
    assert notes["LiAlO2"].startswith(
        "doubtful: no redox-active element: by the rule of oxidation states, only an anion could give the electrons; "
    )
    assert "outside the applicability domain: no known electrode contains Al" in notes["LiAlO2"]
    assert "full extraction would take V to +8" in notes["Li3VO4"]
    assert notes["LiUO2"].startswith("outside the applicability domain: no known electrode contains U")
    assert "no known electrode contains Og" in notes["LiOgO2"]
    # Og has no place on the scale of the distance, which is 102 steps long.
    assert (best.loc["LiOgO2", "nearest_distance"], best.loc["LiOgO2", "in_domain"]) == (102, False)
    assert notes["LiCoO2"] == "in the training data (1 electrode): the interval does not apply"


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_repeated_candidates_follow_the_line_that_they_repeat(size: int) -> None:
    formulas = ["LiCoO2", "Li2Co2O4", "LiNiO2", "LiCoO2", "NaMnO2", "Li2Co2O4"]
    answers = ANSWERS | {"Li2Co2O4": ANSWERS["LiCoO2"]}
    chunks = _chunks(formulas, size=size, name=list("abcdef"))
    found = screen(chunks, _predictor(answers), Options(rank="value", top=2))
    shown = found.best[["rank", "line", "duplicate_of", "formula", "name"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        [1, 4, None, "LiNiO2", "c"],
        [2, 6, None, "NaMnO2", "e"],
    ]
    found = screen(chunks, _predictor(answers), Options(rank="value"))
    shown = found.best[["rank", "line", "duplicate_of", "formula", "name"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        [1, 4, None, "LiNiO2", "c"],
        [2, 6, None, "NaMnO2", "e"],
        [3, 2, None, "LiCoO2", "a"],
        [None, 3, 2, "Li2Co2O4", "b"],
        [None, 5, 2, "LiCoO2", "d"],
        [None, 7, 2, "Li2Co2O4", "f"],
    ]
    assert found.best["notes"].tolist()[3:] == ["repeats line 2"] * 3
    assert (found.read, found.duplicates, found.kept) == (6, 3, 3)


def test_lines_that_cannot_be_used_are_rejected_with_a_reason() -> None:
    rejected: list[pd.DataFrame] = []
    formulas = ["LiCoO2", "CoO2", "", "LiAlO2", "Lx2", "Li", "Li2Co2O4", 3, None, Unreadable("a;b", "too long")]
    chunks = _chunks(formulas, size=3)  # type: ignore[arg-type]
    answers = ANSWERS | {"Li2Co2O4": ANSWERS["LiCoO2"]}
    found = screen(chunks, _predictor(answers), reject=rejected.append)
    bad = pd.concat(rejected)
    assert bad["line"].tolist() == [3, 4, 5, 6, 7, 9, 10, 11]
    reasons = "\n".join(bad["reason"])
    for part in (
        "contains no working ion",
        "the formula is missing",
        "contains Li and Al",
        "nothing but the working ion Li",
        "too long",
    ):
        assert part in reasons, reasons
    assert (found.read, found.rejected, found.duplicates) == (10, 8, 1)
    # Li2Co2O4 is the same composition as LiCoO2.
    assert found.best["formula"].tolist() == ["LiCoO2", "Li2Co2O4"]


def test_sodium_nitride_is_not_a_missing_value() -> None:
    found = _screen(["NaN"], {"NaN": (10.0, 10.0, 1.0)})
    assert (found.rejected, found.best["working_ion"].tolist()) == (0, ["Na"])


def test_a_candidate_that_the_model_cannot_read_is_rejected_alone(predictor: Predictor) -> None:
    # The model's table of elements ends with berkelium.
    formulas = ["LiCoO2", "LiCfO2", "LiNiO2", "LiMnO2", "LiFeO2", "LiEsO2", "Li2Cf2O4", "LiOg"]
    rejected: list[pd.DataFrame] = []
    found = screen(_chunks(formulas, size=7), predictor, reject=rejected.append)
    bad = pd.concat(rejected)
    assert bad["line"].tolist() == [3, 7, 8, 9]
    assert bad["reason"].str.contains("the element (?:Cf|Es|Og) of '.*' is not in the table").all()
    assert sorted(found.best["formula"]) == ["LiCoO2", "LiFeO2", "LiMnO2", "LiNiO2"]
    assert (found.read, found.rejected, found.duplicates) == (8, 4, 0)
    only = screen(_chunks(["LiCfO2"]), predictor)
    assert (len(only.best), only.rejected) == (0, 1)


def test_an_ion_may_be_given_for_all_lines_or_for_each() -> None:
    answers = {"LiAlO2": (1.0, 1.0, 1.0), "LiCoO2": (2.0, 2.0, 2.0), "NaCoO2": (3.0, 3.0, 3.0)}
    found = _screen(list(answers), answers, ion="Al")
    assert found.best.set_index("formula")["working_ion"].to_dict() == {"LiAlO2": "Al", "LiCoO2": "Li", "NaCoO2": "Na"}
    (chunk,) = _chunks(["LiAlO2"])
    for name in ("Li", " Li+ ", "lithium"):
        found = screen([chunk.assign(working_ion=name)], _predictor(answers), Options(ion="Al"))
        assert found.best["working_ion"].tolist() == ["Li"]
    for name, reason in (("Na", "LiAlO2 does not contain|contains Li and Al, not Na"), ("Fe3+", "unknown working ion")):
        rejected: list[pd.DataFrame] = []
        screen([chunk.assign(working_ion=name)], _predictor(answers), reject=rejected.append)
        assert rejected[0]["reason"].str.contains(reason).all(), rejected[0]["reason"].tolist()


def test_columns_of_the_user_stay_with_their_row() -> None:
    names = ["a", None, "c", "d", "e"]
    found = screen(_chunks(list(ANSWERS), name=names, price=[1, 2, 3, 4, 5]), _predictor(ANSWERS))
    by_formula = found.best.set_index("formula")
    assert by_formula["price"].to_dict() == dict(zip(ANSWERS, [1, 2, 3, 4, 5], strict=True))
    assert by_formula.loc["LiMnO2", "name"] == "c"
    assert list(found.best)[-2:] == ["name", "price"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "enery"}, "unknown objective 'enery'; did you mean 'energy'"),
        ({"rank": "lowr"}, "unknown rank 'lowr'; did you mean 'lower'"),
        ({"rank": "probability"}, "needs a goal in Wh/kg, for example: --goal 500"),
        ({"window": (4.0, 1.0)}, "is empty"),
        ({"ion": "Xx"}, "unknown working ion 'Xx'"),
        ({"top": 0}, "keep at least one"),
    ],
)
def test_a_wrong_option_is_an_error(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        screen([], _predictor(ANSWERS), Options(**options))


def test_the_result_does_not_depend_on_the_number_of_workers(predictor: Predictor) -> None:
    formulas = [
        f"Li{a}{m}{b}O{o}" for a in (1, 2, 3) for m in ("Co", "Ni", "Mn", "Fe", "Cf") for b in (1, 2) for o in (2, 3)
    ]
    formulas += ["Li2Co2O4", "LiNiO2"]
    one, two = (screen(_chunks(formulas, size=9), predictor, Options(top=30), workers=n) for n in (1, 2))
    assert (one.rejected, one.duplicates, one.read) == (two.rejected, two.duplicates, two.read) == (12, 2, 62)
    pd.testing.assert_frame_equal(one.best, two.best, check_exact=True)


def test_a_model_that_holds_a_function_without_a_name_is_sent_to_workers(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(predictor.model.about, "device", lambda: "cpu")
    screened = screen(_chunks(["LiFePO4", "LiCoO2"], size=1), predictor, Options(), workers=2)
    assert screened.kept == 2


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=40), st.integers(1, 40))
def test_the_pareto_front_does_not_depend_on_the_chunks(points: list[tuple[int, int]], cut: int) -> None:
    rows = pd.DataFrame(points, columns=["front energy", "average_voltage"], dtype=float)
    rows["formula"] = [f"f{i:02}" for i in range(len(rows))]
    rows["line"] = range(len(rows))
    cathodes = rows[rows["average_voltage"] >= 1]
    energy, voltage = cathodes["front energy"].to_numpy(), cathodes["average_voltage"].to_numpy()
    dominated = [
        bool((((energy >= e) & (voltage < v)) | ((energy > e) & (voltage <= v))).any())
        for e, v in zip(energy, voltage, strict=True)
    ]
    front = pareto(rows)
    assert set(front["formula"]) == set(cathodes["formula"][~np.array(dominated, dtype=bool)])
    in_parts = pareto(pd.concat([pareto(rows[:cut]), rows[cut:]]))
    pd.testing.assert_frame_equal(front, in_parts)


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 9))
def test_what_came_before_is_found_with_its_line(keys: list[int], size: int) -> None:
    seen, first = Seen(), {}
    for start in range(0, len(keys), size):
        part = list(dict.fromkeys(keys[start : start + size]))
        lines = np.array([start * 100 + i for i in range(len(part))], dtype=np.int64)
        found = seen.first_lines([(f"f{k}", "Li") for k in part], lines)
        assert found.tolist() == [first.get(k, -1) for k in part]
        for key, line in zip(part, lines, strict=True):
            first.setdefault(key, line)
