"""Oxidation states by rule: which elements of a compound keep their charge, and what the others must carry.

The rule is the one that a chemist applies to a formula on paper. Elements with one usual state have it (alkali metals
+1, ..., phosphorus in a phosphate +5), anions have theirs, and charge neutrality gives the mean state of the remaining,
redox-active elements. States of elements: N. N. Greenwood, A. Earnshaw, Chemistry of the Elements, 2nd ed.
(Butterworth-Heinemann, 1997), as tabulated in pymatgen's ``Element``.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.features.elements import SYMBOLS

#: State of an element that has the same one in (nearly) all of its solid compounds.
FIXED = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Fr"), 1),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Ra", "Zn", "Cd"), 2),
    **dict.fromkeys(("Al", "Ga", "In", "Sc", "Y", "La", "Ac"), 3),
    **dict.fromkeys(("Pr", "Nd", "Pm", "Sm", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Lu"), 3),
    **dict.fromkeys(("Zr", "Hf", "Th"), 4),
}
#: State of an element that is an anion wherever it is not the centre of an oxoanion.
ANIONS = {"F": -1, "Cl": -1, "Br": -1, "I": -1, "O": -2, "S": -2, "Se": -2, "Te": -2, "N": -3, "P": -3, "As": -3}
#: State of a non-metal next to stronger anions; and without one, as in an intermetallic compound.
METALLOIDS = {"B": (3, -3), "Si": (4, -4), "Ge": (4, -4), "H": (1, -1)}
#: Metals that are the anion of a compound that has no other.
_METALLIC_ANIONS = {"Sb": -3, "Bi": -3, "Sn": -4, "Pb": -4}
#: (state, fewest oxygen atoms for each atom of the central element) of its oxoanions, richest in oxygen first.
_OXOANIONS = {
    "S": ((6, 3.5), (4, 2.5)),
    "Se": ((6, 3.5), (4, 1.8)),
    "Te": ((6, 3.5), (4, 1.8)),
    "P": ((5, 2.0),),
    "As": ((5, 2.0),),
    "C": ((4, 2.5), (3, 1.5)),
    "N": ((5, 2.5),),
    "Cl": ((7, 3.5), (5, 2.5)),
    "Br": ((7, 3.5), (5, 2.5)),
    "I": ((7, 3.5), (5, 2.5)),
}
#: The same for sulfur and selenium around phosphorus or arsenic (PS4, P2S6).
_THIOANIONS = ((5, 3.5), (4, 2.5))
#: Fewest nitrogen atoms for each carbon atom in a cyanide, where carbon is +2.
_CYANIDE = 0.8


@dataclass(frozen=True)
class Charges:
    """Charges by rule of n compounds, per formula unit as given; columns are the 118 elements by atomic number.

    Attributes
    ----------
    fixed : (n x elements) state of each element that is not redox-active; 0 where the element is absent.
    redox : (n x elements) amount of each redox-active element.
    amounts : (n x elements) amount of each element.
    """

    fixed: np.ndarray
    redox: np.ndarray
    amounts: np.ndarray

    @property
    def of_redox_elements(self) -> np.ndarray:
        """(n,) total charge that the redox-active elements must carry for neutrality."""
        return np.asarray(-(self.fixed * self.amounts).sum(axis=1))


def charges(amounts: np.ndarray) -> Charges:
    """Charges of compounds from amounts (n x 118, by atomic number; 0 where an element is absent).

    An element is redox-active unless a rule gives it a fixed state. All working ions have one.

    Examples
    --------
    >>> amounts = pd.DataFrame([{"Li": 1.0, "Fe": 1.0, "P": 1.0, "O": 4.0}], columns=list(SYMBOLS)).fillna(0.0)
    >>> result = charges(amounts.to_numpy())
    >>> {symbol: float(result.fixed[0, SYMBOLS.index(symbol)]) for symbol in ("Li", "Fe", "P", "O")}
    {'Li': 1.0, 'Fe': 0.0, 'P': 5.0, 'O': -2.0}
    >>> float(result.of_redox_elements[0])
    2.0
    """
    column = dict(zip(SYMBOLS, amounts.T, strict=True))
    n = len(amounts)

    def amount(*names: str) -> np.ndarray:
        return np.asarray(sum((column[name] for name in names), start=np.zeros(n)))

    def per_atom(name: str, of: np.ndarray) -> np.ndarray:
        own = column[name]
        return np.asarray(np.divide(of, own, out=np.zeros(n), where=own > 0))

    oxygen, chalcogen = amount("O"), amount("S", "Se")
    strong = amount("O", "F", "Cl", "Br", "I", "S", "Se", "Te", "N", "P", "As", "C") > 0
    state: dict[str, np.ndarray] = {}
    for name in SYMBOLS:
        if name in FIXED:
            state[name] = np.full(n, float(FIXED[name]))
        elif name in METALLOIDS:
            positive, negative = METALLOIDS[name]
            state[name] = np.where(strong, positive, negative).astype(float)
        elif name in ANIONS or name == "C":
            of = np.full(n, float(ANIONS.get(name, -4)))
            if name == "C":
                of = np.where(per_atom(name, amount("N")) >= _CYANIDE, 2.0, of)
            if name in ("P", "As"):
                for value, fewest in reversed(_THIOANIONS):
                    of = np.where(per_atom(name, chalcogen) >= fewest, float(value), of)
            for value, fewest in reversed(_OXOANIONS.get(name, ())):
                of = np.where(per_atom(name, oxygen) >= fewest, float(value), of)
            state[name] = of
        elif name in _METALLIC_ANIONS:
            other = strong | (amount("Si", "Ge") > 0)
            state[name] = np.where(other, np.nan, float(_METALLIC_ANIONS[name]))
        else:
            state[name] = np.full(n, np.nan)
    states = np.stack([state[name] for name in SYMBOLS], axis=1)
    redox = np.where(np.isnan(states), amounts, 0.0)
    fixed = np.where((amounts > 0) & ~np.isnan(states), states, 0.0)
    return Charges(fixed, redox, amounts)


@functools.cache
def state_table() -> pd.DataFrame:
    """Positive states of the 118 elements (rows): columns lowest, highest and highest_known.

    ``highest`` is the highest common state, ``highest_known`` the highest one in the Inorganic Crystal Structure
    Database (or, for an element that it lacks, in any compound). An element without tabulated states has missing
    values.
    """
    from pymatgen.core import Element

    rows = []
    for symbol in SYMBOLS:
        element = Element(symbol)
        common = [s for s in element.common_oxidation_states if s > 0]
        known = [s for s in (element.icsd_oxidation_states or element.oxidation_states) if s > 0]
        rows.append(
            {
                "lowest": float(min(common + known, default=np.nan)),
                "highest": float(max(common, default=np.nan)),
                "highest_known": float(max(known + common, default=np.nan)),
            }
        )
    return pd.DataFrame(rows, index=list(SYMBOLS))


@functools.cache
def electronegativities() -> pd.Series:
    """Pauling electronegativity of the 118 elements, by symbol; missing where there is none."""
    from pymatgen.core import Element

    with warnings.catch_warnings():
        # pymatgen warns of each noble gas that it has no electronegativity.
        warnings.simplefilter("ignore", UserWarning)
        return pd.Series([float(Element(symbol).X) for symbol in SYMBOLS], index=list(SYMBOLS))


@functools.cache
def ionisation_energies() -> pd.DataFrame:
    """Energy (eV) to remove the q-th electron of the 118 elements: rows are symbols, columns q = 1..8.

    Source: NIST Atomic Spectra Database, through pymatgen. Missing where it was not measured or computed.
    """
    from pymatgen.core import Element

    rows = []
    with warnings.catch_warnings():
        # pymatgen warns of each of the heaviest elements that it has no energies.
        warnings.simplefilter("ignore", UserWarning)
        for symbol in SYMBOLS:
            energies = [np.nan if e is None else float(e) for e in (Element(symbol).ionization_energies or [])[:8]]
            rows.append([*energies, *[np.nan] * (8 - len(energies))])
    return pd.DataFrame(rows, index=list(SYMBOLS), columns=list(range(1, 9)))
