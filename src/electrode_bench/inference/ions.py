"""Which ion moves: the candidates of a discharged formula, and the choice among them."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import chemistry

#: Names of the elements that are working ions, besides their symbols.
_NAMES = {
    "lithium": "Li", "sodium": "Na", "natrium": "Na", "potassium": "K", "kalium": "K", "rubidium": "Rb",
    "cesium": "Cs", "caesium": "Cs", "magnesium": "Mg", "calcium": "Ca", "zinc": "Zn", "aluminium": "Al",
    "aluminum": "Al", "yttrium": "Y",
}  # fmt: skip

#: What stands for "no value" in a column of ions. "NA" is R's; sodium is "Na".
_NO_ION = frozenset({"", "-", "NA", "N/A", "n/a", "nan", "NaN", "None", "none", "null", "NULL"})

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")


def named_ion(value: Any) -> str | None:
    """The working ion that a cell of a table names; None where it names none.

    Symbols, names and charges are read. What is not known stays as it is, for the message about it.

    >>> named_ion(" Li+"), named_ion("sodium"), named_ion("Mg²⁺"), named_ion("Li-ion"), named_ion("NA")
    ('Li', 'Na', 'Mg', 'Li', None)
    """
    if chemistry.is_missing(value) or not isinstance(value, str):
        return None if chemistry.is_missing(value) or value is pd.NA else str(value)
    text = value.strip()
    if text in _NO_ION:
        return None
    bare = re.sub(r"[ _-]*ions?$", "", text.translate(_SUPERSCRIPTS), flags=re.IGNORECASE).strip()
    symbol, charge = bare, None
    if match := re.fullmatch(r"([A-Za-z]+) ?\^?\(?(?:(\d?)\+|\+(\d?)|(\+\+|\+\+\+))\)?", bare):
        symbol = match[1]
        charge = len(match[4]) if match[4] else int(match[2] or match[3] or 1)
    ion = _NAMES.get(symbol.casefold(), symbol if symbol in ION_CHARGE else symbol.capitalize())
    if ion not in ION_CHARGE or charge not in (None, ION_CHARGE[ion]):
        return text
    return ion


def candidate_ions(formula: Any) -> list[str]:
    """The elements of a discharged formula that may be its working ion. At least one other element always remains.

    Raises
    ------
    chemistry.FormulaError
        When the formula cannot be read, contains no working ion, or contains nothing else.
    """
    amounts = chemistry.parse(formula)
    ions = [ion for ion in ION_CHARGE if ion in amounts]
    if not ions:
        raise chemistry.FormulaError(
            f"the formula '{formula}' contains no working ion ({', '.join(ION_CHARGE)}); give the discharged formula"
        )
    if len(amounts) == 1:
        # Raises: a formula of one ion has no framework.
        chemistry.framework(amounts, ions[0])
    return ions


def choose_ion(formula: Any, ion: Any, *, give: str) -> str:
    """The working ion of a discharged formula: ``ion``, or the only candidate where ``ion`` is missing or empty.

    Parameters
    ----------
    give : how to name the ion, for messages, such as ``--ion {}`` with the name of an ion in place of the braces.

    Raises
    ------
    chemistry.FormulaError
        When the formula cannot be used, does not contain ``ion``, or has several candidates and ``ion`` names none.
    """
    candidates = candidate_ions(formula)
    if chemistry.is_missing(ion) or ion == "":
        if len(candidates) == 1:
            return candidates[0]
        names = " and ".join(candidates)
        raise chemistry.FormulaError(
            f"{formula} contains {names}; name the working ion, for example: {give.format(candidates[0])}"
        )
    chemistry.ion_charge(ion)
    if ion not in candidates:
        raise chemistry.FormulaError(
            f"{formula} contains {' and '.join(candidates)}, not {ion}; "
            f"name the working ion, for example: {give.format(candidates[0])}"
        )
    return str(ion)
