from __future__ import annotations

import dataclasses

import pytest

from electrode_bench.core.schema import FORMULA, SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.errors import UserError
from electrode_bench.inference.predictor import Predictor, compositions, exceeds, working_ion


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
    assert known.no_interval == "in the training data (2 electrodes): the interval does not apply"
    assert all(estimate.low is estimate.high is None for estimate in known.targets.values())
    assert known.no_interval in known.notes
    assert unlike.outside == "no known electrode contains U"
    assert "outside the applicability domain: no known electrode contains U" in unlike.notes
    (fresh,) = predictor.predict(["Li3CoO3"])
    assert (fresh.no_interval, fresh.fitted_on) == (None, 0)
    for target, estimate in fresh.targets.items():
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.low >= 0 or target == "average_voltage"
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
    for answer in predictor.predict(["Li3CoO2", "Li2FeO5", "Li5MnO3"]):
        estimate = answer.targets["gravimetric_capacity"]
        assert estimate.high <= answer.theoretical_capacity
        assert estimate.low <= min(estimate.value, answer.theoretical_capacity) <= estimate.high


def test_an_answer_does_not_depend_on_the_other_formulas(predictor: Predictor) -> None:
    together = predictor.predict(["LiCoO2", "Li2MnO3"])
    assert together[::-1] == predictor.predict(["Li2MnO3", "LiCoO2"])
    assert together[0] == predictor.predict(["LiCoO2"])[0]


def test_every_spelling_of_a_composition_has_the_same_answer(predictor: Predictor) -> None:
    for one, other in (("LiNi0.333Mn0.333Co0.333O2", "Li3NiMnCoO6"), ("Li(Ni0.8Co0.2)O2", "Li10Ni8Co2O20")):
        answers = predictor.predict([one, other])
        # Electrons are counted for the formula unit as written.
        assert dataclasses.replace(answers[0], formula=other, reading=None, notes=()) == dataclasses.replace(
            answers[1], reading=None, notes=()
        )
        readings = [answer.reading for answer in answers]
        assert readings[0].reduced_formula == readings[1].reduced_formula
        assert readings[0].states == readings[1].states


def test_energies_are_capacity_times_voltage_and_never_above_the_limit(predictor: Predictor) -> None:
    answer, heavy = predictor.predict(["Li3CoO2", "LiU50O100"])
    gravimetric, volumetric, voltage = (estimate.value for estimate in answer.targets.values())
    assert answer.specific_energy == pytest.approx(gravimetric * voltage)
    assert answer.energy_density == pytest.approx(volumetric * voltage)
    assert heavy.above_limit
    voltage = heavy.targets["average_voltage"].value
    assert heavy.specific_energy == pytest.approx(heavy.theoretical_capacity * voltage)


def test_many_formulas_are_evaluated_as_one_by_one(predictor: Predictor) -> None:
    formulas = ["LiCoO2", "Li3CoO2", "Na2MnO3", "LiU50O100"]
    table = predictor.evaluate(formulas, [working_ion(formula) for formula in formulas])
    for row, answer in zip(table.to_dict("records"), predictor.predict(formulas), strict=True):
        assert row["nearest"] == answer.neighbours[0].formula
        assert row["nearest_distance"] == pytest.approx(answer.neighbours[0].distance)
        assert row["outside"] == answer.outside
        assert [row[target] for target in TARGETS] == [answer.targets[target].value for target in TARGETS]


def test_without_the_known_electrodes_there_are_no_neighbours(predictor: Predictor) -> None:
    alone = Predictor(predictor.model, calibration=predictor.calibration, domain=predictor.domain)
    (answer,) = alone.predict(["LiCoO2"])
    assert (answer.neighbours, answer.fitted_on) == ((), 0)
    assert answer.nearest_distance == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="give the table of known electrodes, or the domain"):
        Predictor(predictor.model, calibration=predictor.calibration)


def test_the_notes_say_what_is_unusual_about_a_composition(predictor: Predictor) -> None:
    alloy, host, sodium = predictor.predict(["LiCo", "LiAlO2", "Na0.667CoO2"], ion="Li")
    assert any(note.startswith("no anion") for note in alloy.notes)
    assert any(note.startswith("no redox-active element") for note in host.notes)
    assert "Al might move as well; this answer is for Li" in host.notes
    assert "Na0.667 is read as 2/3" in sodium.notes
    assert "Na0.667CoO2 contains no Li; its working ion is Na" in sodium.notes
