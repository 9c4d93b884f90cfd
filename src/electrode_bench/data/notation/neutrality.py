"""Whether a composition can be electrically neutral, roughly: enough to notice a slip in a formula.

States of metals are those of crystal structures, as tabulated in pymatgen's ``Element``; non-metals follow rules of
thumb. Models have a finer rule in :mod:`electrode_bench.features.oxidation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

#: State of an element that is an anion unless it is the centre of an oxoanion.
_ANIONS = {"F": -1, "Cl": -1, "Br": -1, "I": -1, "O": -2, "S": -2, "Se": -2, "Te": -2, "N": -3}
#: State and fewest oxygen atoms for each atom of the centre of an oxoanion, richest in oxygen first.
_CENTRES = {
    "C": ((4, 2.5), (3, 1.5), (-4, 0.0)),
    "N": ((5, 2.5),),
    "P": ((5, 2.0), (-3, 0.0)),
    "As": ((5, 2.0), (-3, 0.0)),
    "S": ((6, 3.5), (4, 2.5)),
    "Se": ((6, 3.5), (4, 1.8)),
    "Te": ((6, 3.5), (4, 1.8)),
    "Cl": ((7, 3.5), (5, 2.5)),
    "Br": ((7, 3.5), (5, 2.5)),
    "I": ((5, 2.5),),
    "H": ((1, 0.0),),
    "B": ((3, 0.0),),
    "Si": ((4, 0.0),),
}
#: Metals with other states in a few crystal structures only.
_TRIVALENT = ("Sc", "In", "Y", "La")
#: Compounds are written with fewer digits than neutrality needs.
_TOLERANCE = 0.03


def has_anion(amounts: Mapping[str, float]) -> bool:
    """Whether neutrality says something: not of metals, borides, carbides, phosphides and silicides."""
    return not _ANIONS.keys().isdisjoint(amounts)


def can_be_neutral(amounts: Mapping[str, float]) -> bool:
    """Whether the usual states of the elements can add up to zero."""
    lowest = highest = negative = 0.0
    oxygen = amounts.get("O", 0.0)
    for symbol, amount in amounts.items():
        low, high = _states(symbol, oxygen / amount, cyanide=amounts.get("N", 0.0) >= 0.8 * amount)
        lowest, highest = lowest + low * amount, highest + high * amount
        negative -= min(low, 0.0) * amount
    return lowest - _TOLERANCE * negative <= 0.0 <= highest + _TOLERANCE * negative


def changes_state(symbol: str) -> bool:
    """Whether an element is a metal with several states."""
    low, high = _metal(symbol) if symbol not in _ANIONS and symbol not in _CENTRES else (0.0, 0.0)
    return low < high


def _states(symbol: str, oxygen: float, *, cyanide: bool) -> tuple[float, float]:
    """Lowest and highest state of an element with so many oxygen atoms for each of its atoms."""
    for state, fewest in _CENTRES.get(symbol, ()):
        if oxygen >= fewest and state > 0:
            return state, state
    if symbol == "C" and cyanide:
        return 2.0, 4.0  # cyanide and thiocyanate
    if symbol in _ANIONS:
        return _ANIONS[symbol], _ANIONS[symbol]
    if symbol in _CENTRES:
        return _CENTRES[symbol][-1][0], _CENTRES[symbol][-1][0]
    return _metal(symbol)


@cache
def _metal(symbol: str) -> tuple[float, float]:
    from pymatgen.core import Element

    if symbol in _TRIVALENT:
        return 3.0, 3.0
    element = Element(symbol)
    tabulated = (*element.common_oxidation_states, *element.icsd_oxidation_states) or element.oxidation_states
    states = [float(state) for state in tabulated if state > 0]
    return min(states, default=0.0), max(states, default=0.0)
