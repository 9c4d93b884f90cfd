"""What is read: amounts computed by hand, and those of pymatgen for formulas that both read."""

from __future__ import annotations

import random
import sys
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition

from electrode_bench.data import chemistry
from electrode_bench.data.notation import FormulaError, Reading, amounts_of, read
from electrode_bench.data.notation.parser import MAX_LENGTH

third = 1 / 3


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        # subscripts, fractions
        ("LiFePO₄", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        ("Na₃V₂(PO₄)₂F₃", {"Na": 3, "V": 2, "P": 2, "O": 8, "F": 3}),
        ("LiNi1/3Mn1/3Co1/3O2", {"Li": 1, "Ni": third, "Mn": third, "Co": third, "O": 2}),
        ("Li(Ni₁⁄₃Co₂/₃)O₂", {"Li": 1, "Ni": third, "Co": 2 / 3, "O": 2}),
        ("LiNi½Mn½O2", {"Li": 1, "Ni": 0.5, "Mn": 0.5, "O": 2}),
        ("Li10/3O", {"Li": 10 / 3, "O": 1}),
        ("Li.5CoO2", {"Li": 0.5, "Co": 1, "O": 2}),
        # brackets
        ("Li[Ni0.5Mn1.5]O4", {"Li": 1, "Ni": 0.5, "Mn": 1.5, "O": 4}),
        ("K{Fe[Fe(CN)6]}2", {"K": 1, "Fe": 4, "C": 12, "N": 12}),
        ("Li[Li1/3Mn2/3]O2", {"Li": 1 + third, "Mn": 2 / 3, "O": 2}),
        ("Na(PO4)1/2", {"Na": 1, "P": 0.5, "O": 2}),
        # blanks, and characters that pasted text has
        ("Li Fe P O4", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        ("Li ( Fe P O4 )3", {"Li": 1, "Fe": 3, "P": 3, "O": 12}),
        ("Li\u00a0FePO4\n", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        ("\ufeffLi\u200bFePO4", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        # hydrates: the whole formula plus water
        ("FePO4.2H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4·2H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4•2H₂O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4*2H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4 · 2 H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4 . 2(H2O)", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4·2(H2O)", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4·(H2O)2", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4 x 2 H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("FePO4×2H2O", {"Fe": 1, "P": 1, "O": 6, "H": 4}),
        ("Na2Fe[Fe(CN)6].2H2O", {"Na": 2, "Fe": 2, "C": 6, "N": 6, "H": 4, "O": 2}),
        ("Fe2(SO4)3.9H2O", {"Fe": 2, "S": 3, "O": 21, "H": 18}),
        ("LiOH.H2O", {"Li": 1, "O": 2, "H": 3}),
        ("V2O5·½H2O", {"V": 2, "O": 5.5, "H": 1}),
        ("V2O5.0.5H2O", {"V": 2, "O": 5.5, "H": 1}),
        ("V2O5·1.5H2O", {"V": 2, "O": 6.5, "H": 3}),
        ("Mg0.5.2H2O", {"Mg": 0.5, "O": 2, "H": 4}),
        ("Na0.5(FePO4·2H2O)2", {"Na": 0.5, "Fe": 2, "P": 2, "O": 12, "H": 8}),
        # here the dot is a decimal point
        ("Zn0.5H2O", {"Zn": 0.5, "H": 2, "O": 1}),
        ("LiNi0.5H2O2", {"Li": 1, "Ni": 0.5, "H": 2, "O": 2}),
        ("MnO2.05H2O", {"Mn": 1, "O": 3.05, "H": 2}),
        # other compounds of several parts
        ("CaO·Al2O3", {"Ca": 1, "Al": 2, "O": 4}),
        ("CaO.Al2O3", {"Ca": 1, "Al": 2, "O": 4}),
        ("0.5Li2MnO3·0.5LiMnO2", {"Li": 1.5, "Mn": 1, "O": 2.5}),
        # readable, whatever else is known of the element
        ("LiOg", {"Li": 1, "Og": 1}),
        ("NaN", {"Na": 1, "N": 1}),
    ],
)
def test_formula_is_read_as_people_write_it(formula: str, amounts: dict[str, float]) -> None:
    assert read(formula).amounts == pytest.approx(amounts, rel=1e-15)
    assert chemistry.parse(formula) == read(formula).amounts


def test_order_is_that_of_the_text() -> None:
    assert list(read("Li3V2(PO4)3·H2O").amounts) == ["Li", "V", "P", "O", "H"]


SYMBOLS = ["H", "Li", "C", "N", "O", "F", "Na", "Mg", "P", "S", "Co", "Fe", "Mn", "Ni", "Cs", "Sc", "Og"]


def read_or_reason(text: str) -> Reading | str:
    try:
        return read(text)
    except FormulaError as error:
        return str(error)


def number(chance: random.Random) -> str:
    """Text of an amount, or none."""
    return chance.choice(
        ["", str(chance.randint(1, 40)), f"{chance.randint(1, 4000) / 1000:.3f}", f"{chance.uniform(0.01, 20):.14f}"]
    )


def formula_of(chance: random.Random, depth: int = 4) -> str:
    """Elements and nested brackets of all kinds, with amounts."""
    parts = []
    for _ in range(chance.randint(1, 4)):
        if depth and chance.random() < 0.4:
            opening, closing = chance.choice(["()", "[]", "{}"])
            inner = f"{opening}{formula_of(chance, depth - 1)}{closing}"
        else:
            inner = chance.choice(SYMBOLS)
        parts.append(inner + number(chance))
    return "".join(parts)


def test_amounts_are_those_of_pymatgen_to_the_last_bit() -> None:
    compared, chance = 0, random.Random(0)
    for formula in (formula_of(chance) for _ in range(4000)):
        if "H2" in formula:  # pymatgen takes the dot of a hydrate for a decimal point
            continue
        try:
            theirs = Composition(formula).get_el_amt_dict()
        except ValueError:  # pymatgen cannot read back an amount that it writes as 1e+16
            continue
        if len(formula) <= MAX_LENGTH and all(1e-8 <= amount <= 1e9 for amount in theirs.values()):
            assert list(read(formula).amounts.items()) == list(theirs.items())
            compared += 1
    assert compared > 3000


@settings(max_examples=200, deadline=None)
@given(chance=st.randoms(), water=st.integers(1, 24), dot=st.sampled_from([".", "·", " . ", "*", "•"]))
def test_hydrate_is_the_formula_plus_water(chance: random.Random, water: int, dot: str) -> None:
    formula = formula_of(chance, depth=1)
    dry = read_or_reason(f"({formula})")
    if isinstance(dry, str):
        assert "atoms of" in dry
        return
    wet, expected = read(f"({formula}){dot}{water}H2O").amounts, dict(dry.amounts)
    for element, amount in (("H", 2.0 * water), ("O", 1.0 * water)):
        expected[element] = expected.get(element, 0.0) + amount
    assert wet == pytest.approx(expected, rel=1e-12)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("LiFeCoPO0123456789.()[]{}·+-/xδ ₂½*,", max_size=MAX_LENGTH + 20)))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    reading = read_or_reason(text)
    if isinstance(reading, str):
        assert len(reading.splitlines()) == 1
        assert len(reading) < 500
        assert reading.isprintable()
    else:
        assert reading.amounts
        assert all(1e-8 <= amount <= 1e9 for amount in reading.amounts.values())
        assert all(len(note.splitlines()) == 1 for note in reading.notes)


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_LENGTH // 2) + ")" * (MAX_LENGTH // 2),
        "(" * 160 + "Li" + ")9" * 160,
        "(Li" * 120 + ")" * 120,
        "Li" * (MAX_LENGTH // 2),
        "9" * MAX_LENGTH,
        "Li" + "9" * 300 + "." + "9" * 100,
        "Li" + "1/" * 200,
        "Li0.3333333333333333Co0.6666666666666666O2-x",
        "Li" + " " * (MAX_LENGTH - 5) + "x",
        "·2H2O" * 100,
        "." * MAX_LENGTH,
        "CO" * (MAX_LENGTH // 2),
        "Li" * 10**7,
    ],
)
def test_no_text_takes_more_steps_than_it_has_characters(text: str) -> None:
    # Executed lines do not depend on the machine's load, as seconds do.
    steps = 0

    def count(frame: FrameType, event: str, _: object) -> object:
        nonlocal steps
        steps += event == "line"
        return count if "notation" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(count)
    try:
        read_or_reason(text)
    finally:
        sys.settrace(before)
    assert steps < 200 * MAX_LENGTH


def test_reading_twice_gives_amounts_of_its_own() -> None:
    read("NaCl").amounts["Na"] = 99.0
    assert read("NaCl").amounts == {"Na": 1.0, "Cl": 1.0}
    assert amounts_of("NaCl") == {"Na": 1.0, "Cl": 1.0}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*SYMBOLS, "V", "I", "B", "Si"]), st.integers(1, 60), min_size=1, max_size=6),
    st.sampled_from([1, 3, 7, 10]),
)
def test_reduced_formulas_can_be_read_again(amounts: dict[str, int], divisor: int) -> None:
    written = {element: amount / divisor for element, amount in amounts.items()}
    reduced = chemistry.reduced(written)
    assert chemistry.whole_amounts(chemistry.parse(reduced)) == chemistry.whole_amounts(written)
