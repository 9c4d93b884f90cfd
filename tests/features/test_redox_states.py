from __future__ import annotations

import pandas as pd
import pytest

from electrode_bench.data import chemistry
from electrode_bench.features import featurize
from electrode_bench.features.redox_states import RedoxStates, redox_states, signed


def _states(formula: str, ion: str, **extracted: list[float]) -> RedoxStates:
    return redox_states([chemistry.parse(formula)], [ion], **extracted)[0]


@pytest.mark.parametrize(
    ("formula", "ion", "words", "electrons"),
    [
        ("LiFePO4", "Li", "Fe +2 -> +3", 1),
        ("MgMn2O4", "Mg", "Mn +3 -> +4", 2),
        # Two electrons from three cobalt atoms, which carry 12 - 2.
        ("Na2Co3O6", "Na", "Co +3.33 -> +4", 2),
        ("LiNi0.8Mn0.1Co0.1O2", "Li", "Ni, Mn, Co +3 -> +4 on average", 1),
        ("LiAlO2", "Li", "no redox-active element", 1),
        ("AlV2O5", "Al", "V +3.5 -> +5", 3),
    ],
)
def test_states_in_words(formula: str, ion: str, words: str, electrons: float) -> None:
    states = _states(formula, ion)
    assert str(states) == words
    assert states.electrons == pytest.approx(electrons)


def test_the_part_that_leaves_decides_the_charged_state() -> None:
    states = _states("Li2FeSiO4", "Li", extracted=[1.0])
    assert (states.discharged, states.charged, states.above_known) == (2.0, 3.0, False)
    assert _states("Li2FeSiO4", "Li").above_known


def test_the_states_are_those_of_the_features() -> None:
    formulas, ions = ["LiFePO4", "Na2Co3O6", "LiAlO2", "LiSn", "LiNiMnCoO6"], ["Li", "Na", "Li", "Li", "Li"]
    features = featurize(pd.DataFrame({"formula_discharge": formulas, "working_ion": ions}), feature_set="redox")
    states = redox_states([chemistry.parse(formula) for formula in formulas], ions)
    for name, values in {
        "state discharged": [one.discharged for one in states],
        "state charged": [one.charged for one in states],
    }.items():
        expected = features[f"redox: {name}"].to_numpy()
        assert [float("nan") if value is None else value for value in values] == pytest.approx(expected, nan_ok=True)
    assert [float(not one.anion) for one in states] == features["redox: no anion"].tolist()


def test_signs() -> None:
    assert [signed(value) for value in (3.0, 3.3333, -0.5, 0.0, 4.999)] == ["+3", "+3.33", "-0.5", "0", "+5"]
