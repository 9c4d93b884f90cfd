"""Formulas and Faraday's law against numbers computed by hand."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import chemistry


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("LiFePO4", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        ("Li3V2(PO4)3", {"Li": 3, "V": 2, "P": 3, "O": 12}),
        ("Li[Mn2]O4", {"Li": 1, "Mn": 2, "O": 4}),
        ("Li0.5CoO2", {"Li": 0.5, "Co": 1, "O": 2}),
        ("Li1 Fe1 P1 O4", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        (" LiCoO2 ", {"Li": 1, "Co": 1, "O": 2}),
        ("K2Fe(C(N))6", {"K": 2, "Fe": 1, "C": 6, "N": 6}),
    ],
)
def test_parse_counts_atoms(formula: str, amounts: dict[str, float]) -> None:
    assert chemistry.parse(formula) == amounts


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (None, "missing"),
        (float("nan"), "missing"),
        (7, "no text"),
        ("Xx2O3", "unknown element: Xx"),
        ("D2O", "unknown element: D"),
        ("Fe3+", "cannot be parsed"),
        ("Li-1O", "cannot be parsed"),
        ("lifepo4", "cannot be parsed"),
        ("Li 2O", "cannot be parsed"),
        ("C o", "cannot be parsed"),
        ("Li(PO4", "cannot be parsed"),
        ("()", "cannot be parsed"),
        ("Li1.2.3O", "cannot be parsed"),
        ("Li0FePO4", "amount of zero: Li"),
        ("Li" + "9" * 400, "an amount of 400 digits"),
    ],
)
def test_parse_refuses_what_is_no_formula(formula: object, reason: str) -> None:
    with pytest.raises(chemistry.FormulaError, match=reason):
        chemistry.parse(formula)


def test_parse_gives_each_caller_its_own_dict() -> None:
    chemistry.parse("NaCl")["Na"] = 99
    assert chemistry.parse("NaCl") == {"Na": 1, "Cl": 1}


@pytest.mark.parametrize(
    ("charged", "discharged", "ion", "capacity"),
    [
        # 26801.48 mAh/mol over M: LiFePO4 157.757, LiCoO2 97.873, LiMn2O4 180.815 g/mol.
        ("FePO4", "LiFePO4", "Li", 169.89),
        ("CoO2", "LiCoO2", "Li", 273.84),
        ("MnO2", "LiMn2O4", "Li", 148.23),
        # Half of the lithium: half of it.
        ("Li0.5CoO2", "LiCoO2", "Li", 136.92),
        ("Li(CoO2)2", "LiCoO2", "Li", 136.92),
        # Two electrons a magnesium: 2 x 26801.48 / 198.178.
        ("Mn2O4", "MgMn2O4", "Mg", 270.48),
        # Six electrons for two aluminium: 6 x 26801.48 / 117.509.
        ("Cu", "Al2Cu", "Al", 1368.48),
        # Graphite: 26801.48 / 79.005, and half of that from LiC12.
        ("C", "LiC6", "Li", 339.24),
        ("LiC12", "LiC6", "Li", 169.62),
    ],
)
def test_pair_capacity_is_faradays_law(charged: str, discharged: str, ion: str, capacity: float) -> None:
    assert chemistry.pair_capacity(charged, discharged, ion) == pytest.approx(capacity, abs=0.006)


def test_full_capacity_takes_all_of_the_ion() -> None:
    assert chemistry.full_capacity("LiCoO2", "Li") == pytest.approx(273.84, abs=0.006)
    # 3 x 26801.48 / 407.63
    assert chemistry.full_capacity("Li3V2(PO4)3", "Li") == pytest.approx(197.25, abs=0.02)


@pytest.mark.parametrize(
    ("charged", "discharged", "ion", "reason"),
    [
        ("FePO4", "MnPO4", "Li", "discharged formula lacks the working ion Li"),
        ("FePO4", "LiMnPO4", "Li", "frameworks differ: charged FePO4, discharged MnPO4"),
        ("MnO2", "LiMn2O5", "Li", "frameworks differ"),
        ("LiCoO2", "LiCoO2", "Li", "no less Li than"),
        ("LiCoO2", "Li0.5CoO2", "Li", "no less Li than"),
        ("Li", "Li", "Li", "nothing but the working ion"),
        ("FePO4", "LiFePO4", "Ag", "unknown working ion 'Ag'; known are: Li, Na"),
        ("FePO4", "LiFePO4", None, "the working ion is missing"),
    ],
)
def test_pair_capacity_refuses_what_is_no_pair(charged: str, discharged: str, ion: str, reason: str) -> None:
    with pytest.raises(chemistry.FormulaError, match=reason):
        chemistry.pair_capacity(charged, discharged, ion)


hosts = st.dictionaries(st.sampled_from(["Fe", "Mn", "O", "P", "S"]), st.integers(1, 12), min_size=1)


def written(amounts: dict[str, int], scale: int) -> str:
    return "".join(f"{element}{amount * scale}" for element, amount in amounts.items() if amount)


@settings(max_examples=60, deadline=None)
@given(
    host=hosts,
    ion=st.sampled_from(sorted(ION_CHARGE)),
    left=st.integers(0, 5),
    taken=st.integers(1, 6),
    scales=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_capacity_does_not_depend_on_how_many_formula_units_are_written(
    host: dict[str, int], ion: str, left: int, taken: int, scales: tuple[int, int]
) -> None:
    charged, discharged = {**host, ion: left}, {**host, ion: left + taken}
    once = chemistry.pair_capacity(written(charged, 1), written(discharged, 1), ion)
    again = chemistry.pair_capacity(written(charged, scales[0]), written(discharged, scales[1]), ion)
    assert again == pytest.approx(once, rel=1e-12)
    full = chemistry.full_capacity(written(discharged, scales[1]), ion)
    assert once == pytest.approx(full * taken / (left + taken), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(host=hosts, divisor=st.sampled_from([1, 2, 3, 4, 6, 7, 12]))
def test_canonical_formula_is_one_for_all_spellings(host: dict[str, int], divisor: int) -> None:
    fractional = {e: float(Fraction(a, divisor)) for e, a in reversed(host.items())}
    assert (
        chemistry.reduced(fractional) == chemistry.canonical(written(host, 1)) == chemistry.canonical(written(host, 5))
    )


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("LiNi0.8Mn0.1Co0.1O2", "Li10Ni8MnCoO20"),
        ("Li1.2Mn0.54Ni0.13Co0.13O2", "Li120Mn54Ni13Co13O200"),
        # Decimals that are rounded thirds, sixths and twelfths, with any number of digits.
        ("Li0.333NbO2", "LiNb3O6"),
        ("Li1.332Nb4O8", "LiNb3O6"),
        ("Li0.666NbO2", "Li2Nb3O6"),
        ("Li0.6667NbO2", "Li2Nb3O6"),
        ("LiNi0.333Mn0.333Co0.334O2", "Li3NiMnCoO6"),
        ("LiNi0.3333333Mn0.3333333Co0.3333333O2", "Li3NiMnCoO6"),
        ("Na3.333V2(PO4)3", "Na10V6(PO4)9"),
        ("Li0.167V2O5", "LiV12O30"),
        ("LiNi0.917Co0.083O2", "Li12Ni11CoO24"),
        # Two digits are meant as they are written, and so are three that no small fraction explains.
        ("Na0.67MnO2", "Na67Mn100O200"),
        ("Li0.99CoO2", "Li99Co100O200"),
        ("LiNi0.815Co0.15Al0.035O2", "Li200Ni163Co30Al7O400"),
        # Dopants stay.
        ("LiFe0.999Mg0.001PO4", "Li1000Fe999MgP1000O4000"),
        ("LiCo0.9999Al0.0001O2", "Li10000Co9999AlO20000"),
        ("Al0.01Zn99.99", "AlZn9999"),
        # Beyond a millionth of the largest amount, an element has one millionth.
        ("LiCo0.9999999Al0.0000001O2", "Li500000Co500000AlO1000000"),
        ("Li999999999O", "Li1000000O"),
        ("Li59Co60O120", "Li59Co60O120"),
    ],
)
def test_amounts_become_whole_numbers(formula: str, expected: str) -> None:
    assert chemistry.whole_amounts(chemistry.parse(formula)) == chemistry.parse(expected)


@settings(max_examples=200, deadline=None)
@given(
    host=st.dictionaries(st.sampled_from(["Fe", "Mn", "O", "P", "S"]), st.integers(1, 99_999), min_size=1),
    decimals=st.integers(0, 4),
    scale=st.sampled_from([2, 3, 4, 7, 10]),
)
def test_whole_amounts_depend_on_the_ratio_only_and_are_near_it(
    host: dict[str, int], decimals: int, scale: int
) -> None:
    amounts = {element: amount / 10**decimals for element, amount in host.items()}
    whole = chemistry.whole_amounts(amounts)
    assert all(isinstance(number, int) and number > 0 for number in whole.values())
    assert chemistry.whole_amounts(whole) == whole
    assert chemistry.whole_amounts({e: amount * scale for e, amount in reversed(amounts.items())}) == whole
    total, atoms = sum(host.values()), sum(whole.values())
    for element, number in whole.items():
        assert number / atoms == pytest.approx(host[element] / total, rel=0.005)
        assert number / atoms == pytest.approx(host[element] / total, abs=2.1e-4)


def test_the_limit_of_decimals_is_that_of_the_composition_they_stand_for() -> None:
    assert chemistry.full_capacity("Li0.333NbO2", "Li") == chemistry.full_capacity("LiNb3O6", "Li")


def test_canonical_formula_keeps_disordered_compositions_apart() -> None:
    one, other = chemistry.canonical("Li0.3141592CoO2"), chemistry.canonical("Li0.3141692CoO2")
    assert one != other
    assert chemistry.reduced({e: 2 * a for e, a in chemistry.parse("Li0.3141592CoO2").items()}) == one


@pytest.mark.parametrize(
    ("charged", "discharged", "ion", "name"),
    [
        ("FePO4", "LiFePO4", "Li", "Li0-1FePO4"),
        ("MnO2", "LiMn2O4", "Li", "Li0-0.5MnO2"),
        ("LiVPO5", "Li3V2(PO5)2", "Li", "Li1-1.5VPO5"),
        ("CoO2", "Ca(CoO2)3", "Ca", "Ca0-0.33CoO2"),
    ],
)
def test_battery_formula_gives_the_ions_range(charged: str, discharged: str, ion: str, name: str) -> None:
    assert chemistry.battery_formula(charged, discharged, ion) == name


def test_a_noble_gas_is_reduced_without_a_warning() -> None:
    # pymatgen warns once a process of an element: another process, in which warnings are errors.
    code = "from electrode_bench.data import chemistry; print(chemistry.canonical('Li2He2'))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("LiHe", "")
