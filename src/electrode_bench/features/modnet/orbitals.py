"""The descriptor AtomicOrbitals: the highest occupied and the lowest free orbital."""

from __future__ import annotations

import functools
import math
import warnings

import numpy as np

from electrode_bench.data import chemistry
from electrode_bench.features.modnet.compositions import Block, Compositions

#: The character of an orbital as a number, and how many electrons it holds.
CHARACTER = {"s": 1, "p": 2, "d": 3, "f": 4}
_CAPACITY = {"s": 2, "p": 6, "d": 10, "f": 14}


def atomic_orbitals(c: Compositions) -> Block:
    """Highest occupied and lowest free orbital of the neutral atoms side by side (S. Kotochigova et al., 1997)."""
    labels = [f"{edge}_{what}" for edge in ("HOMO", "LUMO") for what in ("character", "element", "energy")]
    rows = [_band_edges(str(formula)) for formula in c.matrix.index]
    values = np.array(rows, dtype=np.float64).reshape(-1, len(labels) + 1)
    return dict(zip([*labels, "gap_AO"], values.T, strict=True))


_NO_EDGES = (math.nan, -1.0, math.nan, math.nan, -1.0, math.nan, math.nan)


def _band_edges(formula: str) -> tuple[float, ...]:
    """Character, atomic number and energy (eV) of the two orbitals, and their distance.

    The electrons of whole atoms fill the orbitals from the lowest energy. If they leave the last orbital that they
    enter, or another of its kind, partly empty, it is both the highest occupied and the lowest free one.
    """
    from pymatgen.core import Composition

    # An element with less than about 1e-4 of the others has no whole atom; matminer leaves it out too.
    whole = Composition(Composition(chemistry.parse(formula)).get_integer_formula_and_factor()[0])
    levels = []
    electrons = 0.0
    for element, count in whole.items():
        orbitals = _orbitals(element.symbol)
        if orbitals is None:
            return _NO_EDGES
        electrons += element.Z * count
        levels += [(energy, character, element.Z, count) for energy, character in orbitals]
    levels.sort()
    for level, (energy, character, number, count) in enumerate(levels):
        electrons -= count * _CAPACITY[character]
        if electrons <= 0:
            homo = (CHARACTER[character], number, energy)
            if electrons < 0:
                return (*homo, *homo, 0.0)
            if level + 1 == len(levels):
                return _NO_EDGES
            energy, character, number, _ = levels[level + 1]
            return (*homo, CHARACTER[character], number, energy, energy - homo[2])
    return _NO_EDGES


@functools.cache
def _orbitals(element: str) -> tuple[tuple[float, str], ...] | None:
    """Energy (eV) and character of each of an element's orbitals; None where pymatgen knows none."""
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No data available", category=UserWarning)
        orbitals = Element(element).atomic_orbitals
    return tuple((float(energy), name[-1]) for name, energy in orbitals.items()) if orbitals else None
