"""The redox features against compounds whose oxidation states are known, and against what physics demands of any."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import chemistry
from electrode_bench.features import electrodes, redox
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.features.oxidation import charges, ionisation_energies, state_table


def features(formula: str, ion: str, charged: str | None = None) -> pd.Series:
    row = redox.compute([electrodes.key(formula, ion, charged)]).iloc[0]
    return row.rename(lambda name: name.removeprefix(redox.PREFIX))


@pytest.mark.parametrize(
    ("formula", "ion", "discharged", "charged"),
    [
        ("LiFePO4", "Li", 2, 3),
        ("LiCoO2", "Li", 3, 4),
        ("Li2MnO3", "Li", 4, 6),
        ("Li3V2(PO4)3", "Li", 3, 4.5),
        ("LiTiS2", "Li", 3, 4),
        ("Na2Fe(SO4)2", "Na", 2, 4),
        ("MgMn2O4", "Mg", 3, 4),
        ("LiNi0.8Mn0.1Co0.1O2", "Li", 3, 4),
        ("K2Fe2(CN)6", "K", 2, 3),  # a Prussian white: cyanide is -1
        ("Li2FeSiO4", "Li", 2, 4),
        ("NaTi2(PO4)3", "Na", 4, 4.5),
        ("LiFeSO4F", "Li", 2, 3),
        ("Li2Mn(P2O7)", "Li", 2, 4),
        ("LiMnBO3", "Li", 2, 3),
        ("Li2FeS2", "Li", 2, 4),
        ("CaV2O5", "Ca", 4, 5),
        ("AlTi2S4", "Al", 2.5, 4),
        ("Li3V(PS4)2", "Li", 3, 6),  # a thiophosphate: phosphorus is +5
    ],
)
def test_oxidation_states(formula: str, ion: str, discharged: float, charged: float) -> None:
    row = features(formula, ion)
    assert row["state discharged"] == pytest.approx(discharged)
    assert row["state charged"] == pytest.approx(charged)
    assert row["no redox-active element"] == row["no anion"] == row["unknown state"] == 0


def test_lithium_iron_phosphate_by_hand() -> None:
    row = features("LiFePO4", "Li")
    # 26801.5 mAh/mol / 157.755 g/mol
    assert row["full capacity"] == pytest.approx(169.89, abs=0.01)
    assert row["headroom"] == pytest.approx(1.0)  # Fe2+ -> Fe3+ for one Li+
    assert row["excess"] == pytest.approx(0.0)
    assert row["charge per redox atom"] == pytest.approx(1.0)
    assert row["redox share"] == pytest.approx(1 / 7)
    assert row["anion share"] == pytest.approx(4 / 7)
    assert row["fixed share"] == pytest.approx(1 / 7)
    assert row["cations per anion"] == pytest.approx(3 / 4)
    assert row["host cations per anion"] == pytest.approx(2 / 4)
    assert row["anion electronegativity"] == pytest.approx(3.44)
    assert row["fixed electronegativity"] == pytest.approx(2.19)
    energies = ionisation_energies().loc["Fe"]
    assert row["ionisation energy discharged"] == pytest.approx(energies[3])  # Fe2+ -> Fe3+
    assert row["ionisation energy charged"] == pytest.approx(energies[4])
    assert (row["ion Li"], row["ion Na"], row["ion charge"]) == (1, 0, 1)


def test_headroom_of_a_mixture_counts_every_redox_active_element() -> None:
    # Highest common states: Ni +2, Mn +7, Co +3; N = 10 and Q = 30 for Li10Ni8MnCoO20.
    highest = state_table()["highest"]
    expected = (8 * highest["Ni"] + highest["Mn"] + highest["Co"] - 30) / 10
    assert features("Li10Ni8MnCoO20", "Li")["headroom"] == pytest.approx(expected)


def test_a_compound_without_an_anion_is_flagged() -> None:
    row = features("LiFe2Co", "Li")
    assert row["no anion"] == 1
    assert math.isnan(row["cations per anion"])
    # Alone with lithium, tin is the anion.
    assert features("Li4Sn", "Li")["no anion"] == 0


def test_a_compound_without_a_redox_active_element_is_flagged() -> None:
    row = features("LiAlO2", "Li")
    assert row["no redox-active element"] == 1
    assert math.isnan(row["state discharged"])
    assert math.isnan(row["headroom"])
    assert row["unbalanced charge"] == 0  # Li+ Al3+ and two O2-
    assert features("LiMgAl2O4", "Li")["unbalanced charge"] == pytest.approx((8 - 1 - 2 - 6) / 8)


def test_an_element_without_tabulated_states_is_flagged() -> None:
    assert features("LiHeF", "Li")["unknown state"] == 1
    assert math.isnan(features("LiHeF", "Li")["headroom"])


def test_a_formula_without_its_working_ion_has_no_capacity() -> None:
    row = features("FePO4", "Li")
    assert row["full capacity"] == row["ion fraction"] == 0
    assert math.isnan(row["headroom"])


def test_the_pair_setting_knows_the_extracted_share() -> None:
    assert features("Li3V2(PO4)3", "Li", "LiV2(PO4)3")["extracted share"] == pytest.approx(2 / 3)
    assert features("LiFePO4", "Li", "FePO4")["extracted share"] == 1
    assert "extracted share" not in features("LiFePO4", "Li")


def test_every_feature_has_a_unit_and_a_meaning() -> None:
    assert list(redox.compute([]).columns) == [f"{redox.PREFIX}{name}" for name in redox.MEANING]
    assert all(meaning for _, meaning in redox.MEANING.values())


@pytest.mark.parametrize("ion", sorted(ION_CHARGE))
def test_every_element_has_finite_or_missing_features(ion: str) -> None:
    keys = [electrodes.key(f"{ion}2{symbol}O3", ion) for symbol in SYMBOLS if symbol not in (ion, "O")]
    frame = redox.compute([*keys, electrodes.key(f"{ion}2O3", ion)])
    assert not np.isinf(frame.to_numpy()).any()
    always = frame.columns[frame.notna().all()]
    assert {f"{redox.PREFIX}full capacity", f"{redox.PREFIX}redox share"} <= set(always)
    # What is missing is explained by a flag.
    flagged = frame[[f"{redox.PREFIX}{name}" for name in ("no redox-active element", "no anion", "unknown state")]]
    missing_state = frame[f"{redox.PREFIX}headroom"].isna()
    assert (flagged[missing_state].max(axis=1) == 1).all()


amount = st.integers(min_value=1, max_value=12)


@st.composite
def compounds(draw: st.DrawFn) -> tuple[dict[str, int], str]:
    ion = draw(st.sampled_from(sorted(ION_CHARGE)))
    others = draw(st.lists(st.sampled_from([s for s in SYMBOLS if s != ion]), min_size=1, max_size=5, unique=True))
    return {ion: draw(amount), **{symbol: draw(amount) for symbol in others}}, ion


@given(compounds(), st.integers(min_value=2, max_value=5))
@settings(max_examples=200, deadline=None)
def test_scale_and_charge(compound: tuple[dict[str, int], str], factor: int) -> None:
    amounts, ion = compound
    written = "".join(f"{symbol}{n}" for symbol, n in amounts.items())
    scaled = "".join(f"{symbol}{n * factor}" for symbol, n in reversed(amounts.items()))
    first, second = features(written, ion), features(scaled, ion)
    pd.testing.assert_series_equal(first, second, check_exact=True, check_names=False)
    assert not np.isinf(first.to_numpy()).any()
    # Charges add up to zero: what the rules fix, and what the redox-active elements carry.
    of = charges(np.array([[float(amounts.get(symbol, 0)) for symbol in SYMBOLS]]))
    total = (of.fixed * of.amounts).sum() + of.of_redox_elements[0]
    assert total == pytest.approx(0.0, abs=1e-9)
    assert first["full capacity"] == pytest.approx(chemistry.full_capacity(written, ion), rel=1e-12)


def test_ten_thousand_random_formulas() -> None:
    rng = random.Random(7)
    ions, keys = sorted(ION_CHARGE), set()
    while len(keys) < 10_000:
        ion = rng.choice(ions)
        symbols = sorted({*rng.sample(SYMBOLS, rng.randint(1, 5))} - {ion})
        formula = "".join(f"{symbol}{rng.randint(1, 19)}" for symbol in symbols)
        if symbols:
            keys.add(electrodes.key(f"{ion}{rng.randint(1, 8)}{formula}", ion))
    frame = redox.compute(sorted(keys))
    assert not np.isinf(frame.to_numpy()).any()
    assert (frame[f"{redox.PREFIX}full capacity"] > 0).all()
    # A row does not depend on the others.
    some = sorted(keys)[4_000:4_010]
    pd.testing.assert_frame_equal(redox.compute(some), frame.loc[some], check_exact=True)
