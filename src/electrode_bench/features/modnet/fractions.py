"""Descriptors that follow from the atomic fractions and from tables of the elements."""

from __future__ import annotations

import math

import numpy as np

from electrode_bench.features import magpie
from electrode_bench.features.modnet.compositions import Block, Compositions
from electrode_bench.features.modnet.orbitals import CHARACTER
from electrode_bench.features.modnet.tables import elements

_NORMS = (0, 2, 3, 5, 7, 10)


def band_center(c: Compositions) -> Block:
    """Geometric mean of the Mulliken electronegativities (eV; M. Butler and D. Ginley, 1978)."""
    centre = np.ones(len(c.matrix))
    factors = map(math.pow, elements().mulliken[c.at].tolist(), c.x.tolist())
    np.multiply.at(centre, c.rows, np.array(list(factors)))
    return {"band center": centre}


def element_fraction(c: Compositions) -> Block:
    """The atomic fraction of each element up to oganesson."""
    symbols = elements().symbols
    fractions = np.zeros((len(symbols), len(c.matrix)))
    fractions[c.at, c.rows] = c.x
    return dict(zip(symbols, fractions, strict=True))


def element_property(c: Compositions) -> Block:
    """Statistics of Magpie's elemental properties."""
    frame = magpie.compute([str(formula) for formula in c.matrix.index])
    return {str(label): frame[label].to_numpy() for label in frame.columns}


def ion_property(c: Compositions) -> Block:
    """Ionic character of the bonds: the largest, and the mean over pairs of atoms as matminer weighs them."""
    values = c.matrix.to_numpy()
    undefined = (c.counts > 1) & (values != np.floor(values)).any(axis=1)
    character = elements().ionic_character[c.at[c.a], c.at[c.b]]
    largest = np.zeros(len(c.matrix))
    np.maximum.at(largest, c.pair_rows, character)
    mean = c.pair_sum(c.x[c.a] * c.x[c.b] * character)
    return {
        "max ionic char": np.where(undefined, np.nan, largest),
        "avg ionic char": np.where(undefined, np.nan, mean),
    }


def stoichiometry(c: Compositions) -> Block:
    """p-norms of the fractions; 0 counts the elements."""
    block = {"0-norm": c.counts.astype(np.float64)}
    for p in _NORMS[1:]:
        sums = c.sum(np.array([x**p for x in c.x.tolist()]))
        block[f"{p}-norm"] = np.array([s ** (1 / p) for s in sums.tolist()])
    return block


def transition_metals(c: Compositions) -> Block:
    """The fraction of transition metals that may carry a magnetic moment."""
    return {"transition metal fraction": c.sum(c.x * elements().transition[c.at])}


def valence_orbitals(c: Compositions) -> Block:
    """Mean number of valence electrons in each shell, and each shell's share of them."""
    table = elements().magpie
    mean = {shell: c.sum(c.x * table[f"N{shell}Valence"].to_numpy()[c.at]) for shell in CHARACTER}
    total = c.sum(c.x * table["NValence"].to_numpy()[c.at])
    return {
        **{f"avg {shell} valence electrons": values for shell, values in mean.items()},
        **{f"frac {shell} valence electrons": values / total for shell, values in mean.items()},
    }
