"""From discharged formulas to what models read: the working ion, and all columns of an electrode."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from electrode_bench.core.schema import FORMULA
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference.ions import candidate_ions, choose_ion


def working_ion(formula: str, ion: str | None = None) -> str:
    """The working ion of a discharged formula: its only candidate, or ``ion`` if it is one of several.

    Raises
    ------
    UserError
        When the formula cannot be read, has no candidate, or has several and ``ion`` is not one of them.
    """
    try:
        candidates = candidate_ions(formula)
        if ion is not None:
            chemistry.ion_charge(ion)
        return choose_ion(formula, ion if len(candidates) > 1 else None, give="--ion {}")
    except chemistry.FormulaError as error:
        raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from error


def compositions(
    formulas: Sequence[str],
    ions: Sequence[str],
    charged: Sequence[str | None] | None = None,
    *,
    read: Sequence[str] | None = None,
) -> pd.DataFrame:
    """All columns that a model may read (features.COMPOSITION_COLUMNS), from discharged formulas and working ions.

    Parameters
    ----------
    charged : charged formulas; where there is none, the framework: all of the working ion is extracted.
    read : the columns that the model reads; None returns all. Frameworks take a while, and are left out where none is
        read. Such formulas are not checked.

    Raises
    ------
    UserError
        When a formula contains nothing but the working ion.
    """
    if read is not None and {"formula_charge", "framework_formula"}.isdisjoint(read):
        return pd.DataFrame({FORMULA: list(formulas), "working_ion": list(ions)})
    frameworks = []
    for formula, ion in zip(formulas, ions, strict=True):
        try:
            frameworks.append(chemistry.reduced(chemistry.framework(chemistry.parse(formula), ion)))
        except chemistry.FormulaError as error:
            raise UserError(f"{formula}: {error}; give a compound") from error
    return pd.DataFrame(
        {
            FORMULA: list(formulas),
            "formula_charge": [
                given or framework
                for given, framework in zip(charged or [None] * len(frameworks), frameworks, strict=True)
            ],
            "framework_formula": frameworks,
            "working_ion": list(ions),
        }
    )
