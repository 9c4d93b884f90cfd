"""Which ion moves: the candidates of a discharged formula, and the choice among them."""

from __future__ import annotations

from typing import Any

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.data import chemistry


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
