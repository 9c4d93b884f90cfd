"""Formulas, frameworks and Faraday's law.

A framework is an electrode's formula without the working ion.
Amounts are moles per formula unit as written, masses g/mol, capacities mAh/g.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import notation
from electrode_bench.data.notation import FormulaError as FormulaError
from electrode_bench.data.notation import is_missing as is_missing

#: Faraday constant (C/mol): elementary charge times Avogadro constant, exact since the SI of 2019 (CODATA 2018).
FARADAY = 1.602176634e-19 * 6.02214076e23

#: C/mol / (3.6 C/mAh) = mAh/mol.
MAH_PER_MOLE = FARADAY / 3.6

#: Largest relative difference between two amounts of a framework element: formulas are printed with few digits.
FRAMEWORK_TOLERANCE = 1e-4


def parse(formula: Any) -> dict[str, float]:
    """Amount of each element in one formula unit as written.

    >>> parse("Li3V2(PO4)3")
    {'Li': 3.0, 'V': 2.0, 'P': 3.0, 'O': 12.0}

    Raises
    ------
    FormulaError
        When ``formula`` cannot be read (see :func:`electrode_bench.data.notation.read`, which also questions formulas
        that are probably a slip).
    """
    return dict(notation.amounts_of(formula))


@cache
def _atomic_mass(element: str) -> float:
    from pymatgen.core import Element

    return float(Element(element).atomic_mass)


def molar_mass(amounts: Mapping[str, float]) -> float:
    """Molar mass (g/mol) of one formula unit."""
    return math.fsum(amount * _atomic_mass(element) for element, amount in amounts.items())


def faraday_capacity(moles: float, charge: int, molar_mass: float) -> float:
    """Gravimetric capacity (mAh/g) of ``moles`` of an ion of ``charge`` exchanged in ``molar_mass`` grams.

    Faraday's law: Q = n z F / (3.6 M).

    >>> round(faraday_capacity(1, 1, molar_mass(parse("LiFePO4"))), 1)
    169.9
    """
    return moles * charge * MAH_PER_MOLE / molar_mass


def framework(amounts: Mapping[str, float], ion: str) -> dict[str, float]:
    """``amounts`` without the working ion.

    Raises
    ------
    FormulaError
        When nothing is left.
    """
    left = {element: amount for element, amount in amounts.items() if element != ion}
    if not left:
        raise FormulaError(f"the formula holds nothing but the working ion {ion}")
    return left


def exchanged(charged: Mapping[str, float], discharged: Mapping[str, float], ion: str) -> float:
    """Moles of ``ion`` that leave one formula unit of the discharged compound, as written, on charging.

    The two formulas may be written for different numbers of formula units (MnO2 and LiMn2O4): the charged one is scaled
    to the framework of the discharged one.

    Raises
    ------
    FormulaError
        When the discharged formula lacks the ion, the frameworks differ, or no ion is exchanged.
    """
    if ion not in discharged:
        raise FormulaError(f"the discharged formula lacks the working ion {ion}")
    have, want = framework(charged, ion), framework(discharged, ion)
    scale = math.fsum(want.values()) / math.fsum(have.values())
    if set(have) != set(want) or any(
        abs(have[element] * scale - amount) > FRAMEWORK_TOLERANCE * amount for element, amount in want.items()
    ):
        raise FormulaError(f"the pair's frameworks differ: charged {reduced(have)}, discharged {reduced(want)}")
    moles = discharged[ion] - charged.get(ion, 0.0) * scale
    if moles <= FRAMEWORK_TOLERANCE * discharged[ion]:
        raise FormulaError(f"the charged formula holds no less {ion} than the discharged one")
    return moles


def pair_capacity(formula_charge: str, formula_discharge: str, ion: str) -> float:
    """Faraday capacity (mAh/g of the discharged compound) of going from one formula to the other."""
    charge = ion_charge(ion)
    discharged = parse(formula_discharge)
    return faraday_capacity(exchanged(parse(formula_charge), discharged, ion), charge, molar_mass(discharged))


def full_capacity(formula_discharge: str, ion: str) -> float:
    """Faraday capacity (mAh/g of the discharged compound) if all of the working ion leaves.

    The amounts are those of the reduced formula, which the features of models are computed from.
    """
    charge = ion_charge(ion)
    discharged = parse(canonical(formula_discharge))
    if ion not in discharged:
        raise FormulaError(f"the discharged formula lacks the working ion {ion}")
    return faraday_capacity(discharged[ion], charge, molar_mass(discharged))


def ion_charge(ion: Any) -> int:
    """Charge of a working ion.

    Raises
    ------
    FormulaError
        When it is not one of the Battery Explorer's ten.
    """
    if not isinstance(ion, str) or ion not in ION_CHARGE:
        what = "the working ion is missing" if is_missing(ion) or ion == "" else f"unknown working ion {ion!r}"
        raise FormulaError(f"{what}; known are: {', '.join(ION_CHARGE)}")
    return ION_CHARGE[ion]


def whole_amounts(amounts: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in the ratio of ``amounts``, so that equal compositions have equal amounts.

    Decimals do not say which ratio is meant: 0.333 stands for one third, 0.815 for itself. The first of these that
    exists is taken:

    1. whole numbers up to 500, in the ratio of the amounts to a relative 1e-6: LiNi0.8Mn0.1Co0.1O2 is Li10Ni8MnCoO20;
    2. the smallest whole numbers up to 40 that give every atomic fraction to 2e-4 and every amount to a relative
       0.5%, as thirds with three digits need: Li0.333NbO2 is LiNb3O6;
    3. whole numbers up to a million in exactly the ratio of the amounts (to 12 digits);
    4. the amounts as parts of the largest one, in millionths. An element has at least one of them.

    >>> whole_amounts(parse("LiNi0.8Mn0.1Co0.1O2"))
    {'Li': 10, 'Ni': 8, 'Mn': 1, 'Co': 1, 'O': 20}
    """
    values = list(amounts.values())
    if all(value == int(value) <= _SMALL for value in values):
        return dict(zip(amounts, _primitive([int(value) for value in values]), strict=True))
    # The digits beyond the twelfth are the noise of products of decimals, such as 3 x 0.1.
    exact = [Fraction(f"{value:.12g}") for value in values]
    multiple = math.lcm(*(value.denominator for value in exact))
    whole = _primitive([int(value * multiple) for value in exact])
    return dict(zip(amounts, _simplest(whole), strict=True))


#: Largest whole number that is taken as it is meant, and the largest one that decimals are taken to stand for.
_SMALL, _SIMPLE = 500, 40
#: Parts of the largest amount to which an amount is rounded.
_PARTS = 10**6


def _primitive(amounts: list[int]) -> list[int]:
    divisor = math.gcd(*amounts)
    return [amount // divisor for amount in amounts]


def _simplest(exact: list[int]) -> list[int]:
    """The amounts of :func:`whole_amounts`, from whole numbers of any size.

    All arithmetic is exact, so that the result depends on the ratios alone.
    """
    small = _within(exact, largest=_SMALL, error=Fraction(1, 10**6)) or _close_to_simple(exact)
    if small is not None:
        return small
    if max(exact) <= _PARTS:
        return exact
    # Repeating decimals of larger numbers, such as a third of 1 to 9999.
    large = _within(exact, largest=10_000, error=Fraction(1, 10**9))
    if large is not None:
        return large
    most = max(exact)
    # Once more: rounded amounts may be close to simple ones.
    return _simplest(_primitive([max(1, round(Fraction(amount * _PARTS, most))) for amount in exact]))


def _within(exact: list[int], *, largest: int, error: Fraction) -> list[int] | None:
    """Whole numbers up to ``largest`` in the ratio of ``exact`` to a relative ``error``; None if there are none."""
    least = min(exact)
    ratios = [Fraction(amount, least).limit_denominator(largest) for amount in exact]
    if any(abs(ratio * least / amount - 1) > error for ratio, amount in zip(ratios, exact, strict=True)):
        return None
    multiple = math.lcm(*(ratio.denominator for ratio in ratios))
    whole = _primitive([int(ratio * multiple) for ratio in ratios])
    return whole if max(whole) <= largest else None


def _close_to_simple(exact: list[int]) -> list[int] | None:
    """The smallest whole numbers up to 40 that ``exact`` may be a rounding of; None if there are none."""
    total, most = sum(exact), max(exact)
    for largest in range(1, _SIMPLE + 1):
        whole = [(2 * amount * largest + most) // (2 * most) for amount in exact]  # rounded
        atoms = sum(whole)
        if all(
            5000 * abs(number * total - amount * atoms) <= total * atoms
            and 200 * abs(number * total - amount * atoms) <= amount * atoms
            for number, amount in zip(whole, exact, strict=True)
        ):
            return _primitive(whole)
    return None


def reduced(amounts: Mapping[str, float]) -> str:
    """The reduced formula: equal for equal compositions, however they were written (see :func:`whole_amounts`).

    >>> reduced(parse("Li2Fe2P2O8")), reduced(parse("Li0.5CoO2"))
    ('LiFePO4', 'Li(CoO2)2')
    """
    from pymatgen.core import Composition

    with warnings.catch_warnings():
        # pymatgen sorts elements by electronegativity, and warns that noble gases have none.
        warnings.filterwarnings("ignore", message="No Pauling electronegativity", category=UserWarning)
        return str(Composition(whole_amounts(amounts)).reduced_formula)


@lru_cache(maxsize=2**17)
def canonical(formula: str) -> str:
    """The reduced formula of a formula's text: the same for every spelling of a composition."""
    return reduced(parse(formula))


def battery_formula(formula_charge: str, formula_discharge: str, ion: str) -> str:
    """The Battery Explorer's name of a pair, with the ion's range per reduced framework, to two decimals.

    >>> battery_formula("FePO4", "LiFePO4", "Li")
    'Li0-1FePO4'
    """
    ends, name = [], ""
    for formula in (formula_charge, formula_discharge):
        amounts = parse(formula)
        host = framework(amounts, ion)
        units = math.fsum(host.values()) / sum(whole_amounts(host).values())
        name = reduced(host)
        ends.append(f"{round(amounts.get(ion, 0.0) / units, 2):g}")
    return f"{ion}{ends[0]}-{ends[1]}{name}"
