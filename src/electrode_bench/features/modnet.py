"""MODNet's features of a composition: matminer's ten descriptors in its matminer-2023 preset.

Names, order and numbers (to 1e-9) are those of ``CompositionOnlyMatminer2023Featurizer`` of MODNet 0.4.5, for a
formula as written; the elemental tables are matminer's and pymatgen's own, with matminer's imputation (an
element that a table lacks has the mean of those that it has). Where the preset gives no number, so does this:

- IonProperty is missing for a formula with fractional amounts: the preset looks for charge balance, which takes
  whole atoms. It is the only descriptor that changes when a formula is scaled (LiCo2O4, but not Li0.5CoO2).
- AtomicOrbitals is missing where an element has no orbital energies (Np and beyond) or no orbital is free
  (He). The element of the orbital is then -1, as in the preset, and its other numbers are missing.

The preset also has AtomicPackingEfficiency, which is in :mod:`electrode_bench.features.atomic_packing`; its
"compound possible" (IonProperty) is a truth value, which MODNet drops from every data set.

No power or logarithm is taken of an array that grows with the number of formulas: its bits may depend on the
array's length, and a row may not.

Sources: P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2; L. Ward et al., Comput. Mater. Sci. 152, 60 (2018),
doi:10.1016/j.commatsci.2018.05.018 (matminer, with the source of each descriptor).
"""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.data import chemistry
from electrode_bench.features import composition, magpie
from electrode_bench.features.base import FeatureSet

#: Numbers that stand for the character of an orbital, and the electrons that one holds.
_CHARACTER = {"s": 1, "p": 2, "d": 3, "f": 4}
_CAPACITY = {"s": 2, "p": 6, "d": 10, "f": 14}
_NORMS = (0, 2, 3, 5, 7, 10)
#: kJ/mol in one eV/atom, as matminer has it in each place.
_KJ_PER_EV, _KJ_PER_EV_BAND = 96.4853, 96.48
_GAS_CONSTANT = 8.314e-3  # kJ/mol/K
#: Miedema's lattice stability (kJ/mol) of solid solutions over the mean number of valence electrons.
_VALENCE = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.5, 6.0, 7.0, 8.0, 8.5, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
_STABILITY = {
    "fcc": (0, 0, 0, -2, -1.5, 9, 14, 11, -3, -9.5, -11, -9, -2, 1.5, 0, 0, 0, 0),
    "bcc": (0, 0, 0, 2.2, 2, -9.5, -14.5, -12, 4, 10, 11, 8.5, 1.5, 1.5, 0, 0, 0, 0),
    "hcp": (0, 0, 0, -2.5, -2.5, 10, 15, 13, -5, -10.5, -11, -8, -1, 2.5, 0, 0, 0, 0),
}


@dataclass(frozen=True)
class _Elements:
    """What is known of the elements, in the order of atomic numbers; tables are (n_elements,) or square."""

    symbols: tuple[str, ...]
    #: Elements x properties of Magpie.
    magpie: pd.DataFrame
    #: Mulliken electronegativity (eV).
    mulliken: np.ndarray
    #: Ionic character of a bond between two elements, 0 to 1 (L. Pauling).
    ionic_character: np.ndarray
    #: Liquid mixing enthalpy of two elements (kJ/mol).
    mixing: np.ndarray
    #: Elements x parameters of Miedema's model.
    miedema: pd.DataFrame
    #: 1 for a transition metal that may carry a moment, else 0 (A. Deml et al., 2016).
    transition: np.ndarray


@functools.cache
def _elements() -> _Elements:
    from matminer.featurizers.composition import BandCenter, Miedema, TMetalFraction
    from matminer.utils.data import MixingEnthalpy, PymatgenData
    from pymatgen.core import Element

    elements = [Element.from_Z(z) for z in range(1, 119)]
    symbols = tuple(e.symbol for e in elements)
    with warnings.catch_warnings():
        # pymatgen says of each noble gas that it has no electronegativity; pandas has plans for Miedema's fillna.
        warnings.simplefilter("ignore")
        band, pauling, mixing = BandCenter(), PymatgenData(), MixingEnthalpy()
        miedema = Miedema().df_dataset.loc[list(symbols)].drop(columns=["Unnamed: 0", "element_id"])
        electronegativity = np.array(pauling.get_elemental_properties(elements, "X"), dtype=np.float64)
    ionisation = np.array(band.deml_data.get_elemental_properties(elements, "first_ioniz"), dtype=np.float64) / 1000
    table = pd.DataFrame(band.magpie_data.all_elemental_props).loc[list(symbols)].drop(columns="OxidationStates")
    return _Elements(
        symbols=symbols,
        magpie=table.astype(np.float64),
        mulliken=0.5 * (ionisation + table["ElectronAffinity"].to_numpy(np.float64)) / _KJ_PER_EV_BAND,
        ionic_character=1 - np.exp(-0.25 * (electronegativity[:, None] - electronegativity) ** 2),
        mixing=np.array([[mixing.get_mixing_enthalpy(a, b) for b in elements] for a in elements], dtype=np.float64),
        miedema=miedema.astype(np.float64),
        transition=np.isin(symbols, TMetalFraction().magn_elem).astype(np.float64),
    )


@dataclass(frozen=True)
class _Compositions:
    """The formulas of one call, as the descriptors need them.

    ``matrix`` is as :func:`composition.amounts` makes it. ``rows``, ``at`` and ``x`` list every element of every
    formula: the formula's position, the element's position in :class:`_Elements`, its atomic fraction.
    ``pair_rows``, ``a`` and ``b`` list every pair of elements of every formula, as positions in that list.
    """

    matrix: pd.DataFrame
    rows: np.ndarray
    at: np.ndarray
    x: np.ndarray
    pair_rows: np.ndarray
    a: np.ndarray
    b: np.ndarray

    @classmethod
    def of(cls, matrix: pd.DataFrame) -> _Compositions:
        position = {symbol: i for i, symbol in enumerate(_elements().symbols)}
        rows, columns = np.nonzero(matrix.to_numpy())
        at = np.array([position[e] for e in matrix.columns], dtype=np.int64)[columns]
        x = matrix.to_numpy()[rows, columns] / composition.totals(matrix)[rows]
        pairs: list[tuple[int, int]] = []
        start = 0
        for count in np.bincount(rows, minlength=len(matrix)).tolist():
            pairs += itertools.combinations(range(start, start + count), 2)
            start += count
        a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return cls(matrix, rows, at, x, rows[a], a, b)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over a formula's elements, one after another, shape (n_formulas,)."""
        return np.bincount(self.rows, weights=values, minlength=len(self.matrix))

    def pair_sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over a formula's pairs of elements, one after another, shape (n_formulas,)."""
        return np.bincount(self.pair_rows, weights=values, minlength=len(self.matrix))

    @property
    def counts(self) -> np.ndarray:
        """Elements per formula."""
        return np.bincount(self.rows, minlength=len(self.matrix))


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """MODNet's features (n_formulas x 280), each named "<descriptor>|<feature>"; NaN where one is not defined.

    Energies are in eV (AtomicOrbitals), eV/atom (Miedema) or as Magpie has them; fractions, norms, the ionic
    character and Yang's omega and delta have no unit.

    Raises
    ------
    UserError
        When a formula cannot be read.
    """
    matrix = composition.amounts(formulas)
    known = _Compositions.of(matrix)
    blocks = {name: describe(known) for name, describe in _DESCRIPTORS.items()}
    return pd.DataFrame(
        np.column_stack([*itertools.chain.from_iterable(block.values() for block in blocks.values())])
        if formulas
        else np.zeros((0, sum(map(len, blocks.values())))),
        index=matrix.index,
        columns=[f"{name}|{label}" for name, block in blocks.items() for label in block],
    )


# --- one function a descriptor: label -> (n_formulas,) ---

_Block = Mapping[str, np.ndarray]


def _atomic_orbitals(known: _Compositions) -> _Block:
    """Highest occupied and lowest free orbital of the neutral atoms side by side (S. Kotochigova et al., 1997)."""
    labels = [f"{edge}_{what}" for edge in ("HOMO", "LUMO") for what in ("character", "element", "energy")]
    rows = [_band_edges(str(formula)) for formula in known.matrix.index]
    values = np.array(rows, dtype=np.float64).reshape(-1, len(labels) + 1)
    return dict(zip([*labels, "gap_AO"], values.T, strict=True))


_NO_EDGES = (math.nan, -1.0, math.nan, math.nan, -1.0, math.nan, math.nan)


def _band_edges(formula: str) -> tuple[float, ...]:
    """Character, atomic number and energy (eV) of the two orbitals, and their distance.

    The electrons of whole atoms fill the orbitals from below. Where they leave the last one that they enter, or
    another of its kind, partly empty, that one is both orbitals.
    """
    from pymatgen.core import Composition

    # An element with less than about 1e-4 of the others has no whole atom; matminer takes it out too.
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
            homo = (_CHARACTER[character], number, energy)
            if electrons < 0:
                return (*homo, *homo, 0.0)
            if level + 1 == len(levels):
                return _NO_EDGES
            energy, character, number, _ = levels[level + 1]
            return (*homo, _CHARACTER[character], number, energy, energy - homo[2])
    return _NO_EDGES


@functools.cache
def _orbitals(element: str) -> tuple[tuple[float, str], ...] | None:
    """Energy (eV) and character of each of an element's orbitals; None where pymatgen knows none."""
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No data available", category=UserWarning)
        orbitals = Element(element).atomic_orbitals
    return tuple((float(energy), name[-1]) for name, energy in orbitals.items()) if orbitals else None


def _band_center(known: _Compositions) -> _Block:
    """Geometric mean of the Mulliken electronegativities (eV; M. Butler and D. Ginley, 1978)."""
    centre = np.ones(len(known.matrix))
    factors = map(math.pow, _elements().mulliken[known.at].tolist(), known.x.tolist())
    np.multiply.at(centre, known.rows, np.array(list(factors)))
    return {"band center": centre}


def _element_fraction(known: _Compositions) -> _Block:
    symbols = _elements().symbols
    fractions = np.zeros((len(symbols), len(known.matrix)))
    fractions[known.at, known.rows] = known.x
    return dict(zip(symbols, fractions, strict=True))


def _element_property(known: _Compositions) -> _Block:
    frame = magpie.compute([str(formula) for formula in known.matrix.index])
    return {str(label): frame[label].to_numpy() for label in frame.columns}


def _ion_property(known: _Compositions) -> _Block:
    """Ionic character of the bonds: the largest, and the mean over pairs of atoms as matminer weighs them."""
    values = known.matrix.to_numpy()
    undefined = (known.counts > 1) & (values != np.floor(values)).any(axis=1)
    character = _elements().ionic_character[known.at[known.a], known.at[known.b]]
    largest = np.zeros(len(known.matrix))
    np.maximum.at(largest, known.pair_rows, character)
    mean = known.pair_sum(known.x[known.a] * known.x[known.b] * character)
    return {
        "max ionic char": np.where(undefined, np.nan, largest),
        "avg ionic char": np.where(undefined, np.nan, mean),
    }


def _miedema(known: _Compositions) -> _Block:
    """Formation enthalpy (eV/atom) of the intermetallic, the glass and the solid solution.

    Miedema's model of binary alloys, summed over the pairs of elements (F. de Boer et al., Cohesion in Metals,
    1988; R. F. Zhang et al., Comput. Phys. Commun. 209, 58 (2016)).
    """
    table, pairs = _elements().miedema, _miedema_pairs()
    of = {str(name): table[name].to_numpy()[known.at] for name in table.columns}
    i, j = known.at[known.a], known.at[known.b]
    x_a, x_b = known.x[known.a], known.x[known.b]

    def chemical(order: float) -> np.ndarray:
        """``order`` is the strength of chemical short-range order: 8, 5 or 0."""
        area_a, area_b = pairs.area[i], pairs.area[j]
        shift = of["electronegativity"][known.a] - of["electronegativity"][known.b]
        near_b, near_a = _surroundings(x_a * area_a, x_b * area_b, order)
        # The surface of an atom changes with the charge that flows to its neighbours.
        area_a = area_a * (1 + of["a_const"][known.a] * near_b * shift)
        area_b = area_b * (1 - of["a_const"][known.b] * near_a * shift)
        near_b, _ = _surroundings(x_a * area_a, x_b * area_b, order)
        transformed = x_a * of["H_trans"][known.a] + x_b * of["H_trans"][known.b]
        return known.pair_sum(near_b * x_a * area_a * pairs.interface[i, j] + transformed)

    elastic = known.pair_sum(x_a * x_b * (x_b * pairs.elastic[i, j] + x_a * pairs.elastic[j, i]))
    valence = known.sum(known.x * of["valence_electrons"])
    structure = known.sum(known.x * of["structural_stability"])
    lattices = [np.interp(valence, _VALENCE, stability) - structure for stability in _STABILITY.values()]
    enthalpies = {
        "inter": chemical(8),
        "amor": chemical(5) + 3.5 * known.sum(known.x * of["melting_point"]) / 1000,
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
    """What Miedema's model says of two elements whatever their amounts; square tables but ``area``."""

    #: Surface of an atom, molar volume to the 2/3 (cm2).
    area: np.ndarray
    #: Enthalpy of an A-B interface (kJ/mol/cm2).
    interface: np.ndarray
    #: Elastic enthalpy (kJ/mol) of A dissolved in B.
    elastic: np.ndarray


@functools.cache
def _miedema_pairs() -> _MiedemaPairs:
    table = _elements().miedema
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


def _stoichiometry(known: _Compositions) -> _Block:
    """p-norms of the fractions; 0 counts the elements."""
    block = {"0-norm": known.counts.astype(np.float64)}
    for p in _NORMS[1:]:
        sums = known.sum(np.array([x**p for x in known.x.tolist()]))
        block[f"{p}-norm"] = np.array([s ** (1 / p) for s in sums.tolist()])
    return block


def _transition_metals(known: _Compositions) -> _Block:
    return {"transition metal fraction": known.sum(known.x * _elements().transition[known.at])}


def _valence_orbitals(known: _Compositions) -> _Block:
    """Mean number of valence electrons in each shell, and each shell's share of them."""
    table = _elements().magpie
    mean = {shell: known.sum(known.x * table[f"N{shell}Valence"].to_numpy()[known.at]) for shell in _CHARACTER}
    total = known.sum(known.x * table["NValence"].to_numpy()[known.at])
    return {
        **{f"avg {shell} valence electrons": values for shell, values in mean.items()},
        **{f"frac {shell} valence electrons": values / total for shell, values in mean.items()},
    }


def _yang(known: _Compositions) -> _Block:
    """Entropy over enthalpy of mixing, and the spread of the radii (X. Yang and Y. Zhang, 2012)."""
    table = _elements().magpie
    melting = known.sum(known.x * table["MeltingT"].to_numpy()[known.at])
    entropy = _GAS_CONSTANT * known.sum(known.x * np.array([math.log(x) for x in known.x.tolist()]))
    mixing = _elements().mixing[known.at[known.a], known.at[known.b]]
    enthalpy = 4 * known.pair_sum(known.x[known.a] * known.x[known.b] * mixing)
    radii = table["MiracleRadius"].to_numpy()[known.at]
    mismatch = 1 - radii / known.sum(known.x * radii)[known.rows]
    compound = known.counts > 1
    return {
        # As matminer has it: an enthalpy near zero counts as 1e-6 kJ/mol.
        "Yang omega": np.where(compound, np.abs(melting * entropy / np.maximum(1e-6, np.abs(enthalpy))), 0.0),
        "Yang delta": np.where(compound, np.sqrt(known.sum(known.x * mismatch * mismatch)), 0.0),
    }


#: matminer's name of each descriptor, in the order of the preset.
_DESCRIPTORS: Mapping[str, Callable[[_Compositions], _Block]] = {
    "AtomicOrbitals": _atomic_orbitals,
    "BandCenter": _band_center,
    "ElementFraction": _element_fraction,
    "ElementProperty": _element_property,
    "IonProperty": _ion_property,
    "Miedema": _miedema,
    "Stoichiometry": _stoichiometry,
    "TMetalFraction": _transition_metals,
    "ValenceOrbital": _valence_orbitals,
    "YangSolidSolution": _yang,
}

FEATURES = FeatureSet(
    name="modnet",
    title="MODNet, the matminer-2023 preset's features of a composition",
    compute=compute,
    missing=True,
)
