"""Descriptors of alloys: Miedema's formation enthalpies, and the mixing of solid solutions."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from electrode_bench.features.modnet.compositions import Block, Compositions
from electrode_bench.features.modnet.tables import elements

#: kJ/mol in one eV/atom, as matminer's Miedema model has it.
_KJ_PER_EV = 96.4853
_GAS_CONSTANT = 8.314e-3  # kJ/mol/K
#: Miedema's lattice stability (kJ/mol) of solid solutions over the mean number of valence electrons.
_VALENCE = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.5, 6.0, 7.0, 8.0, 8.5, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
_STABILITY = {
    "fcc": (0, 0, 0, -2, -1.5, 9, 14, 11, -3, -9.5, -11, -9, -2, 1.5, 0, 0, 0, 0),
    "bcc": (0, 0, 0, 2.2, 2, -9.5, -14.5, -12, 4, 10, 11, 8.5, 1.5, 1.5, 0, 0, 0, 0),
    "hcp": (0, 0, 0, -2.5, -2.5, 10, 15, 13, -5, -10.5, -11, -8, -1, 2.5, 0, 0, 0, 0),
}


def miedema(c: Compositions) -> Block:
    """Formation enthalpy (eV/atom) of the intermetallic, the glass and the solid solution.

    Miedema's model of binary alloys, summed over the pairs of elements (F. de Boer et al., Cohesion in Metals,
    1988; R. F. Zhang et al., Comput. Phys. Commun. 209, 58 (2016)).
    """
    table, pairs = elements().miedema, _miedema_pairs()
    parameters = {str(name): table[name].to_numpy()[c.at] for name in table.columns}
    i, j = c.at[c.a], c.at[c.b]
    x_a, x_b = c.x[c.a], c.x[c.b]

    def chemical(order: float) -> np.ndarray:
        """``order`` is the strength of chemical short-range order: 8, 5 or 0."""
        area_a, area_b = pairs.area[i], pairs.area[j]
        shift = parameters["electronegativity"][c.a] - parameters["electronegativity"][c.b]
        near_b, near_a = _surroundings(x_a * area_a, x_b * area_b, order)
        # The surface of an atom changes with the charge that flows to its neighbours.
        area_a = area_a * (1 + parameters["a_const"][c.a] * near_b * shift)
        area_b = area_b * (1 - parameters["a_const"][c.b] * near_a * shift)
        near_b, _ = _surroundings(x_a * area_a, x_b * area_b, order)
        transformed = x_a * parameters["H_trans"][c.a] + x_b * parameters["H_trans"][c.b]
        return c.pair_sum(near_b * x_a * area_a * pairs.interface[i, j] + transformed)

    elastic = c.pair_sum(x_a * x_b * (x_b * pairs.elastic[i, j] + x_a * pairs.elastic[j, i]))
    valence = c.sum(c.x * parameters["valence_electrons"])
    structure = c.sum(c.x * parameters["structural_stability"])
    lattices = [np.interp(valence, _VALENCE, stability) - structure for stability in _STABILITY.values()]
    enthalpies = {
        "inter": chemical(8),
        "amor": chemical(5) + 3.5 * c.sum(c.x * parameters["melting_point"]) / 1000,
        "ss_min": chemical(0) + elastic + np.minimum.reduce([*lattices, np.zeros_like(valence)]),
    }
    return {f"Miedema_deltaH_{phase}": enthalpy / _KJ_PER_EV for phase, enthalpy in enthalpies.items()}


def _surroundings(surface_a: np.ndarray, surface_b: np.ndarray, order: float) -> tuple[np.ndarray, np.ndarray]:
    """How far A atoms are surrounded by B atoms, and B by A, from the surfaces that they have."""
    share_a = surface_a / (surface_a + surface_b)
    share_b = surface_b / (surface_a + surface_b)
    ordered = 1 + order * (share_a * share_b) * (share_a * share_b)
    return share_b * ordered, share_a * ordered


@dataclass(frozen=True)
class _MiedemaPairs:
    """Terms of Miedema's model for two elements, whatever their amounts; square tables except for ``area``."""

    #: Surface of an atom, molar volume to the 2/3 (cm2).
    area: np.ndarray
    #: Enthalpy of an A-B interface (kJ/mol/cm2).
    interface: np.ndarray
    #: Elastic enthalpy (kJ/mol) of A dissolved in B.
    elastic: np.ndarray


@functools.cache
def _miedema_pairs() -> _MiedemaPairs:
    table = elements().miedema
    volume = table["molar_volume"].to_numpy()[:, None]
    density = table["electron_density"].to_numpy()[:, None]
    potential = table["electronegativity"].to_numpy()[:, None]
    bulk, shear = table["compressibility"].to_numpy()[:, None], table["shear_modulus"].to_numpy()[:, None]
    hybrid = table["R_const"].to_numpy()[:, None]
    transition = np.isin(table["valence_electrons"].to_numpy(), np.arange(3, 12))[:, None]

    area, edge = volume ** (2 / 3), density ** (1 / 3)
    shift = potential - potential.T
    screening = 1 / edge + 1 / edge.T
    mixed = transition != transition.T
    p = np.where(mixed, 12.35, np.where(transition & transition.T, 14.1, 10.7))
    r = np.where(mixed, hybrid * hybrid.T * p, 0.0)
    interface = 2 * (-p * shift**2 - r + 9.4 * p * (edge - edge.T) ** 2) / screening

    # Volumes of the atoms of A and B where they meet, from the charge that flows between them.
    relaxed = volume + 1.5 * area / screening * shift / density
    flow = 1.5 * np.abs(relaxed) ** (2 / 3) / screening * shift
    inner, outer = volume + flow / density, volume.T + flow / density.T
    stiffness = 4 * shear.T * inner + 3 * bulk * outer
    misfit = 2 * bulk * shear.T * (inner - outer) ** 2
    # Gases have no moduli; two of them have no elastic energy.
    elastic = np.divide(misfit, stiffness, out=np.zeros_like(misfit), where=stiffness != 0)
    return _MiedemaPairs(area=area[:, 0], interface=interface, elastic=elastic)


def yang(c: Compositions) -> Block:
    """Entropy over enthalpy of mixing, and the variation of the radii (X. Yang and Y. Zhang, 2012)."""
    table = elements().magpie
    melting = c.sum(c.x * table["MeltingT"].to_numpy()[c.at])
    entropy = _GAS_CONSTANT * c.sum(c.x * np.array([math.log(x) for x in c.x.tolist()]))
    mixing = elements().mixing[c.at[c.a], c.at[c.b]]
    enthalpy = 4 * c.pair_sum(c.x[c.a] * c.x[c.b] * mixing)
    radii = table["MiracleRadius"].to_numpy()[c.at]
    mismatch = 1 - radii / c.sum(c.x * radii)[c.rows]
    compound = c.counts > 1
    return {
        # As matminer has it: an enthalpy near zero counts as 1e-6 kJ/mol.
        "Yang omega": np.where(compound, np.abs(melting * entropy / np.maximum(1e-6, np.abs(enthalpy))), 0.0),
        "Yang delta": np.where(compound, np.sqrt(c.sum(c.x * mismatch * mismatch)), 0.0),
    }
