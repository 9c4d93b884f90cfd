"""What is refused: the message names the place in the formula and says what to write instead."""

from __future__ import annotations

import pytest

from electrode_bench.data.notation import FormulaError, read


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        # oxidation states and charges
        ("Fe3+", "'3+' at character 3 is a charge or an oxidation state; leave it out: Fe"),
        ("LiFe2+PO4", "'2+' at character 5 is a charge or an oxidation state; leave it out: LiFePO4"),
        ("LiFe(2+)PO4", "leave it out: LiFePO4"),
        ("Fe+3", "'+3' at character 3 is a charge or an oxidation state"),
        ("Fe^3+", "leave it out: Fe"),
        ("Fe³⁺PO4", "'³⁺' at character 3 is written high, as a charge or an isotope; leave it out"),
        ("Fe(III)PO4", "'(III)' at character 3 is an oxidation state; leave it out: FePO4"),
        ("Li4Mn(IV)5O12", "'(IV)' at character 6 is an oxidation state; leave it out: Li4Mn5O12"),
        ("Fe(II)O", "leave it out: FeO"),
        ("LiFeIIPO4", "'II' at character 5 is an oxidation state; leave it out: LiFePO4"),
        ("SO42-", "'42-' at character 3 is a charge"),
        ("[Fe(CN)6]4-", "'4-' at character 10 is a charge"),
        # ranges, variables and the like
        ("Li0-1CoO2", "'0-1' at character 3 is a range; give one composition, such as LiCoO2"),
        ("Li0.5–0.9CoO2", "such as Li0.9CoO2"),
        ("Li1-xCoO2", "'1-x' at character 3 holds a variable; put a number in its place"),
        ("Li1−xCoO2", "holds a variable"),
        ("Li₁₋ₓCoO₂", "holds a variable"),
        ("LixCoO2", "'x' at character 3 holds a variable"),
        ("KxMnO2", "'x' at character 2 holds a variable"),
        ("LaO2-x", "'2-x' at character 4 holds a variable"),
        ("LaO2-δ", "'2-δ' at character 4 holds a variable"),
        ("LaO2-d", "holds a variable"),
        ("FePO4·nH2O", "'n' at character 7 stands with a variable"),
        ("FePO4.xH2O", "variable"),
        ("Li~0.5CoO2", "'~0.5' at character 3 is not exact; give one amount"),
        ("LiMO2", "unknown element: M, at character 3; write the symbol of the metal"),
        # amounts
        ("LiFeP04", "'04' at character 6 begins with a zero; did you write zero instead of O? Then write LiFePO4"),
        ("LiCo02", "'02' at character 5 begins with a zero; did you write zero instead of O? Then write LiCoO2"),
        ("Fe2(S04)3", "Then write Fe2(SO4)3"),
        ("LiCo₀₂", "Then write LiCoO2"),
        ("Li0FePO4", "an amount of zero: Li at character 3; leave it out"),
        ("Li0.00FePO4", "an amount of zero: Li"),
        ("(PO4)0Li", "an amount of zero"),
        ("Li1/0O", "'1/0' at character 3 is no fraction of whole numbers above zero"),
        ("Li0.000000001O", "an amount of zero: Li"),
        ("Li1e300O", "'e' at character 4 makes an amount in powers of ten"),
        ("Li" + "9" * 308 + "O", "an amount of 308 digits at character 3"),
        ("Li9999999999O", "1e+10 atoms of Li; at most 1,000,000,000 are read"),
        ("((Li99999)99999)99999", "atoms of Li"),
        ("Li0,5CoO2", "'0,5' at character 3 has a decimal comma; write a point: Li0.5CoO2"),
        ("Li1.2.3O", "'1.2.3' at character 3 has several points"),
        ("Li1/3/3O", "'1/3/3' at character 3 is no fraction"),
        ("2LiFePO4", "'2' at character 1 stands before the first element"),
        ("Li 2O", "'2' at character 4 follows a blank"),
        # dots that may be decimal points
        ("MnO2.25H2O", "'.25' at character 5 may be a decimal or water; write a hydrate with '·', as in MnO2·25H2O"),
        ("V2O5.1.5H2O", "as in V2O5·1.5H2O"),
        ("FePO4·", "'·' at character 6 stands without elements"),
        ("·H2O", "'·' at character 1 stands without elements"),
        ("Li*FePO4", "'*' at character 3 joins nothing; write a hydrate as in FePO4·2H2O"),
        # brackets
        ("Li[Fe)PO4", r"the bracket '[' at character 3 is closed by ')' at character 6; write ']'"),
        ("Li(FePO4", "the bracket '(' at character 3 is not closed"),
        ("Li(Fe[PO4)]", "closed by ')'"),
        ("LiFe)PO4", "the bracket ')' at character 5 closes nothing"),
        ("Li()O", "'()' at character 3 stands without elements"),
        # elements
        ("D2O", "unknown element: D (deuterium, an isotope); write H"),
        ("T2O", "tritium"),
        ("LiXxO2", "unknown element: Xx, at character 3; write the symbol of an element"),
        ("LIFEPO4", "unknown element: L; write the second letter of an element small, as in LiFePO4"),
        ("LiMN2O4", "unknown element: M; if Mn is meant, write LiMn2O4"),
        ("LiCp", "unknown element: Cp; did you mean LiCP?"),
        ("lifepo4", "'l' at character 1 begins no element; write the first letter of each element as a capital"),
        ("C o", "'o' at character 3 begins no element"),
        ("LiСoO2", "'С' at character 3 is the character CYRILLIC CAPITAL LETTER ES"),
        # several compounds, and markup
        ("LiFePO4/C", "'/' at character 8 joins several compounds"),
        ("Si@C", "'@' at character 3 joins several compounds"),
        ("Li-Fe-P-O", "'-' at character 3 is a hyphen"),
        ("(Ni,Co)O2", "',' at character 4 stands for a mixture"),
        ("LiFePO_4", "'_' at character 7 is markup"),
        ("??", "'?' at character 1 is no part of a formula"),
        ("Li\x00O", r"'\x00' at character 3"),
        ("\ud800", r"'\ud800' at character 1"),
        # no text, or too much of it
        ("", "the formula is empty"),
        (" \ufeff ", "the formula is empty"),
        (None, "the formula is missing"),
        (float("nan"), "the formula is missing"),
        (7, "the formula is no text but int"),
        (b"LiO", "the formula is no text but bytes"),
        ("LiO" * 200, "has 600 characters; at most 500 are read: give one compound"),
    ],
)
def test_message_says_where_and_what_to_write(formula: object, reason: str) -> None:
    with pytest.raises(FormulaError) as raised:
        read(formula)
    assert reason in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_message_about_a_huge_number_does_not_write_it_out() -> None:
    with pytest.raises(FormulaError, match="the formula is no text but int"):
        read(10**5000)  # Python refuses to turn so many digits into text
