"""How an electrode is described to a feature set that reads the working ion: as one line of text.

Such a set is computed from the discharged formula and the working ion, and where an electrode is represented by both of
its formulas (``featurize.composition: pair``), from the charged formula too. One text for each electrode lets the
features be cached by text, as those of formulas are. All formulas in a key are reduced, so that equal compositions have
equal keys.
"""

from __future__ import annotations

from typing import NamedTuple

from electrode_bench.core.schema import FORMULA
from electrode_bench.data import chemistry

#: Columns of a table of electrodes that a key is made from.
COLUMNS = (FORMULA, "working_ion")
PAIR_COLUMNS = (*COLUMNS, "formula_charge")

_SEPARATOR = " | "


class Electrode(NamedTuple):
    """What a key says.

    Attributes
    ----------
    discharged : reduced formula of the discharged electrode.
    ion : the working ion, such as "Li".
    charged : reduced formula of the charged electrode; None where an electrode is represented without it.
    """

    discharged: str
    ion: str
    charged: str | None = None


def key(discharged: str, ion: str, charged: str | None = None) -> str:
    """The key of an electrode, from formulas in any spelling.

    >>> key("Li2Fe2P2O8", "Li"), key("LiFePO4", "Li", "FePO4")
    ('LiFePO4 | Li', 'LiFePO4 | Li | FePO4')

    Raises
    ------
    chemistry.FormulaError
        When a formula cannot be read, or the working ion is unknown.
    """
    chemistry.ion_charge(ion)
    formulas = [chemistry.canonical(formula) for formula in (discharged, *([] if charged is None else [charged]))]
    return _SEPARATOR.join([formulas[0], ion, *formulas[1:]])


def split(text: str) -> Electrode:
    """What a key says.

    >>> split("LiFePO4 | Li")
    Electrode(discharged='LiFePO4', ion='Li', charged=None)
    """
    return Electrode(*text.split(_SEPARATOR))
