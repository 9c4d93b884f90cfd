"""What matminer and pymatgen know about each element."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: kJ/mol in one eV/atom, as matminer's band centre has it.
_KJ_PER_EV = 96.48


@dataclass(frozen=True)
class Elements:
    """What is c of the elements, in the order of atomic numbers; tables are (n_elements,) or square."""

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
def elements() -> Elements:
    """All elements up to oganesson."""
    from matminer.featurizers.composition import BandCenter, Miedema, TMetalFraction
    from matminer.utils.data import MixingEnthalpy, PymatgenData
    from pymatgen.core import Element

    every = [Element.from_Z(z) for z in range(1, 119)]
    symbols = tuple(e.symbol for e in every)
    with warnings.catch_warnings():
        # pymatgen warns that noble gases have no electronegativity, and pandas that Miedema's fillna will change.
        warnings.simplefilter("ignore")
        band, pauling, mixing = BandCenter(), PymatgenData(), MixingEnthalpy()
        miedema = Miedema().df_dataset.loc[list(symbols)].drop(columns=["Unnamed: 0", "element_id"])
        electronegativity = np.array(pauling.get_elemental_properties(every, "X"), dtype=np.float64)
    ionisation = np.array(band.deml_data.get_elemental_properties(every, "first_ioniz"), dtype=np.float64) / 1000
    table = pd.DataFrame(band.magpie_data.all_elemental_props).loc[list(symbols)].drop(columns="OxidationStates")
    return Elements(
        symbols=symbols,
        magpie=table.astype(np.float64),
        mulliken=0.5 * (ionisation + table["ElectronAffinity"].to_numpy(np.float64)) / _KJ_PER_EV,
        ionic_character=1 - np.exp(-0.25 * (electronegativity[:, None] - electronegativity) ** 2),
        mixing=np.array([[mixing.get_mixing_enthalpy(a, b) for b in every] for a in every], dtype=np.float64),
        miedema=miedema.astype(np.float64),
        transition=np.isin(symbols, TMetalFraction().magn_elem).astype(np.float64),
    )
