from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from electrode_bench.core.schema import FORMULA, SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.errors import UserError
from electrode_bench.inference.predictor import Predictor, compositions, exceeds, within_limit, working_ion


@pytest.mark.parametrize(
    ("formula", "ion", "expected"),
    [
        ("LiFePO4", None, "Li"),
        ("LiFePO4", "Na", "Li"),
        ("LiAlSiO4", "Li", "Li"),
        ("LiAlSiO4", "Al", "Al"),
        ("Mg(MnO2)2", None, "Mg"),
    ],
)
def test_the_working_ion_is_the_only_candidate_or_the_one_named(formula: str, ion: str | None, expected: str) -> None:
    assert working_ion(formula, ion) == expected


@pytest.mark.parametrize(
    ("formula", "ion", "message"),
    [
        ("LiAlSiO4", None, "LiAlSiO4 contains Li and Al; name the working ion, for example: --ion Li"),
        ("FePO4", None, "the formula 'FePO4' contains no working ion"),
        ("FePO4", "Li", "the formula 'FePO4' contains no working ion"),
        ("LiAlSiO4", "Na", "LiAlSiO4 contains Li and Al, not Na; name the working ion"),
        ("LiFePO4", "Fe", "unknown working ion 'Fe'"),
        ("Lx", None, "the formula 'Lx' names an unknown element"),
        ("", None, "the formula"),
    ],
)
def test_an_ambiguous_or_wrong_ion_is_an_error(formula: str, ion: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        working_ion(formula, ion)


def test_compositions_have_the_columns_of_every_kind_of_model() -> None:
    frame = compositions(["LiFePO4", "Na2MnO3"], ["Li", "Na"])
    assert frame["framework_formula"].tolist() == ["FePO4", "MnO3"]
    assert frame[FORMULA].tolist() == ["LiFePO4", "Na2MnO3"]
    with pytest.raises(UserError, match=r"Li2: .* nothing but the working ion Li"):
        compositions(["Li2"], ["Li"])


def test_an_answer_has_intervals_limits_neighbours_and_domain(predictor: Predictor) -> None:
    known, unlike = predictor.predict(["LiCoO2", "LiUO2"], neighbours=2)
    assert (known.working_ion, known.outside) == ("Li", None)
    assert known.theoretical_capacity == pytest.approx(273.8, abs=0.1)
    # The table has it twice: as Li1Co1O2, which comes first, and as Li2Co2O4.
    assert known.neighbours[0].formula == "Li1Co1O2"
    assert known.neighbours[0].electrodes == 2
    pair = predictor.predict(["LiCoO2"], neighbours=1)[0].neighbours[0]
    for target in TARGETS:
        assert pair.lowest[target] < pair.targets[target] < pair.highest[target]
        assert pair.targets[target] == pytest.approx((pair.lowest[target] + pair.highest[target]) / 2)
    assert (known.fitted_on, unlike.fitted_on) == (2, 0)
    assert [n.distance for n in known.neighbours] == sorted(n.distance for n in known.neighbours)
    for estimate in known.targets.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert unlike.outside == "no known electrode contains U"
    assert all(e.low >= 0 for a in (known, unlike) for t, e in a.targets.items() if t != "average_voltage")
    assert predictor.predict(["LiCoO2"], neighbours=0)[0].neighbours == ()
    assert known.nearest_distance == pytest.approx(0, abs=1e-9)
    assert known.reach == predictor.domain.reach > 0
    assert known.undecided == ()
    (both,) = predictor.predict(["LiNaMnO2"], ion="Na")
    assert (both.working_ion, both.undecided) == ("Na", ("Li", "Na"))
    assert not known.above_limit
    # The model predicts 1 to 5 mAh/g.
    (heavy,) = predictor.predict(["LiU50O100"])
    assert (heavy.theoretical_capacity < 2, heavy.above_limit) == (True, True)


def test_an_answer_has_the_distribution_of_the_extracted_share(sharing: Predictor, predictor: Predictor) -> None:
    (answer,) = sharing.predict(["LiCoO2"])
    share = answer.share
    assert share is not None
    level = share.at_most[0.985] / 0.985
    assert 0.5 < level < 1
    assert list(share.at_most) == list(SHARE_THRESHOLDS)
    assert share.at_most == pytest.approx({t: t * level for t in SHARE_THRESHOLDS})
    assert share.full_extraction == pytest.approx(1 - 0.985 * level)
    assert share.value == answer.targets["gravimetric_capacity"].value / answer.theoretical_capacity
    assert predictor.predict(["LiCoO2"])[0].share is None
    columns = sharing.model.predict(["LiCoO2", "Li2MnO3"]).columns
    assert list(columns) == [*TARGETS, *(share_column(t) for t in SHARE_THRESHOLDS)]


def test_a_limit_that_was_rounded_is_not_exceeded() -> None:
    # Full extraction of a capacity that was kept to 12 digits.
    limit = 169.890364852321
    assert not exceeds(float(f"{limit:.12g}"), limit)
    assert not exceeds(float(f"{limit:.11g}"), limit)
    assert exceeds(169.8904, limit)


def test_the_upper_end_of_a_capacity_is_clipped_to_the_faraday_limit(predictor: Predictor) -> None:
    np.testing.assert_array_equal(
        within_limit(np.array([300.0, 150.0, 400.0]), np.array([200.0, 100.0, 350.0]), 274.0), [274.0, 150.0, 350.0]
    )
    for answer in predictor.predict(["LiCoO2", "LiFePO4", "Li2MnO3"]):
        estimate = answer.targets["gravimetric_capacity"]
        assert estimate.high <= max(answer.theoretical_capacity, estimate.value)
        assert estimate.low <= estimate.value <= estimate.high


def test_an_answer_does_not_depend_on_the_other_formulas(predictor: Predictor) -> None:
    together = predictor.predict(["LiCoO2", "Li2MnO3"])
    assert together[::-1] == predictor.predict(["Li2MnO3", "LiCoO2"])
    assert together[0] == predictor.predict(["LiCoO2"])[0]


def test_every_spelling_of_a_composition_has_the_same_answer(predictor: Predictor) -> None:
    for one, other in (("LiNi0.333Mn0.333Co0.333O2", "Li3NiMnCoO6"), ("Li(Ni0.8Co0.2)O2", "Li10Ni8Co2O20")):
        answers = predictor.predict([one, other])
        assert dataclasses.replace(answers[0], formula=other) == answers[1]
