"""MODNet's features of a composition: matminer's ten descriptors in its matminer-2023 preset.

Names, order and numbers (to 1e-9) are those of ``CompositionOnlyMatminer2023Featurizer`` of MODNet 0.4.5, for a
formula as written; the elemental tables are matminer's and pymatgen's own, with matminer's imputation (an
element that a table lacks has the mean of the others). What the preset does not define is missing here too:

- IonProperty is missing for a formula with fractional amounts: the preset looks for charge balance, which takes
  whole atoms. It is the only descriptor that changes when a formula is scaled (LiCo2O4, but not Li0.5CoO2).
  ``featurize`` passes reduced formulas with whole amounts, for which it is defined.
- AtomicOrbitals is missing where an element has no orbital energies (Np and beyond) or no orbital is free
  (He). The element of the orbital is then -1, as in the preset, and its other numbers are missing.

The preset also has AtomicPackingEfficiency, which is in :mod:`electrode_bench.features.atomic_packing`; its
"compound possible" (IonProperty) is a truth value, which MODNet drops from every data set.

No power or logarithm is taken of an array that grows with the number of formulas: its last bits may depend on the
array's length, but a row must not.

Sources: P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2; L. Ward et al., Comput. Mater. Sci. 152, 60 (2018),
doi:10.1016/j.commatsci.2018.05.018 (matminer, with the source of each descriptor).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet
from electrode_bench.features.modnet.alloys import miedema, yang
from electrode_bench.features.modnet.compositions import Block, Compositions
from electrode_bench.features.modnet.fractions import (
    band_center,
    element_fraction,
    element_property,
    ion_property,
    stoichiometry,
    transition_metals,
    valence_orbitals,
)
from electrode_bench.features.modnet.orbitals import atomic_orbitals

#: matminer's name of each descriptor, in the order of the preset.
DESCRIPTORS: Mapping[str, Callable[[Compositions], Block]] = {
    "AtomicOrbitals": atomic_orbitals,
    "BandCenter": band_center,
    "ElementFraction": element_fraction,
    "ElementProperty": element_property,
    "IonProperty": ion_property,
    "Miedema": miedema,
    "Stoichiometry": stoichiometry,
    "TMetalFraction": transition_metals,
    "ValenceOrbital": valence_orbitals,
    "YangSolidSolution": yang,
}


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
    compositions = Compositions.of(matrix)
    blocks = {name: describe(compositions) for name, describe in DESCRIPTORS.items()}
    return pd.DataFrame(
        np.column_stack([*itertools.chain.from_iterable(block.values() for block in blocks.values())])
        if formulas
        else np.zeros((0, sum(map(len, blocks.values())))),
        index=matrix.index,
        columns=[f"{name}|{label}" for name, block in blocks.items() for label in block],
    )


FEATURES = FeatureSet(
    name="modnet",
    title="MODNet, the matminer-2023 preset's features of a composition",
    compute=compute,
    missing=True,
)
