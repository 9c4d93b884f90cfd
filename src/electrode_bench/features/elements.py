"""elements: the composition itself, as the atomic fraction of every element.

The columns are fixed, so that a model fitted on one snapshot can read the table of another. Models that look up the
elements themselves read this set (CrabNet).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet

#: The 118 elements in the order of their atomic number.
SYMBOLS = tuple(
    """
    H                                                  He
    Li Be                               B  C  N  O  F  Ne
    Na Mg                               Al Si P  S  Cl Ar
    K  Ca Sc Ti V  Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y  Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I  Xe
    Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb
          Lu Hf Ta W  Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
    Fr Ra Ac Th Pa U  Np Pu Am Cm Bk Cf Es Fm Md No
          Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()  # noqa: SIM905 (the periodic table, to be read as one)
)


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """Atomic fractions (n_formulas x 118), named by symbol; each row sums to 1."""
    matrix = composition.amounts(formulas)
    out = np.zeros((len(matrix), len(SYMBOLS)))
    column = {symbol: j for j, symbol in enumerate(SYMBOLS)}
    for element, rows, amount in composition.elementwise(matrix):
        out[rows, column[element]] = amount
    return pd.DataFrame(out / composition.totals(matrix)[:, None], index=matrix.index, columns=list(SYMBOLS))


FEATURES = FeatureSet(
    name="elements",
    title="Elements, atomic fractions",
    compute=compute,
)
