from __future__ import annotations

import pytest

from electrode_bench.data import chemistry
from electrode_bench.inference.reading import Reading, read


def _read(formula: str, ion: str) -> Reading:
    return read([formula], [ion])[0]


def test_electrons_are_those_of_the_formula_unit_as_written() -> None:
    one, two = _read("LiFePO4", "Li"), _read("Li2Fe2P2O8", "Li")
    assert (one.reduced_formula, one.states) == (two.reduced_formula, two.states) == ("LiFePO4", "Fe +2 -> +3")
    assert (one.electrons, two.electrons) == (1.0, 2.0)
    assert _read("LiNi0.8Mn0.1Co0.1O2", "Li").electrons == pytest.approx(1.0)
    assert _read("Na0.667CoO2", "Na").electrons == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("formula", "ion", "notes"),
    [
        ("LiFePO4", "Li", ()),
        (
            "LiFePo4",
            "Li",
            (
                "Po is polonium; did you mean LiFePO4?",
                "no anion: an alloy or intermetallic compound, which has no oxidation states by rule",
            ),
        ),
        ("Na0.667CoO2", "Na", ("Na0.667 is read as 2/3",)),
        # Two digits do not say whether a third is meant.
        ("Na0.67CoO2", "Na", ("Na0.67 is read as written; write Na2/3 if you mean the fraction",)),
        (
            "LiNi0.33Mn0.33Co0.33O2",
            "Li",
            ("Ni0.33, Mn0.33, Co0.33 are read as written; write Ni1/3, Mn1/3, Co1/3 if you mean the fraction",),
        ),
        ("LiNi0.5Mn1.5O4", "Li", ()),
        (
            "LiAlO2",
            "Li",
            ("no redox-active element: by the rule of oxidation states, only an anion could give the electrons",),
        ),
        ("LiAg", "Li", ("no anion: an alloy or intermetallic compound, which has no oxidation states by rule",)),
        (
            "Li2FeSiO4",
            "Li",
            ("full extraction would take Fe to +4; the highest state known from crystal structures is +3",),
        ),
    ],
)
def test_notes(formula: str, ion: str, notes: tuple[str, ...]) -> None:
    assert _read(formula, ion).notes == notes


def test_without_an_anion_there_are_no_states() -> None:
    alloy = _read("LiAg", "Li")
    assert (alloy.state_discharged, alloy.state_charged) == (None, None)
    assert alloy.states == "no anion, so no oxidation states"


def test_a_formula_without_the_ion_is_an_error() -> None:
    with pytest.raises(chemistry.FormulaError, match="FePO4 does not contain the working ion Li"):
        _read("FePO4", "Li")


def test_a_probable_slip_is_questioned() -> None:
    (reading,) = read(["LiCOO2"], ["Li"])
    assert reading.notes[0] == "CO is carbon and oxygen; did you mean LiCoO2?"
