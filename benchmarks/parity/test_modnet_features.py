"""Our set modnet is what MODNet 0.4.5 computes: the same names in the same order, numbers to 1e-9, the same gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic import electrodes

from electrode_bench.features.modnet import compute

pytest.importorskip("modnet")
# The packages warn of gaps in pymatgen's tables and of pandas to come; what they compute is the question here.
pytestmark = pytest.mark.filterwarnings("ignore")

#: What the sample lacks: elements alone, fractions, many elements, rare ones, no charge balance, spellings.
VARIED = [
    *["Li", "Fe", "O2", "H", "N", "He", "Ar", "Ra", "U", "Np", "Og", "Gd"],
    *["Na0.67Ni0.33Mn0.67O2", "Li0.333NbO2", "Li1.2Mn0.54Ni0.13Co0.13O2", "Li0.5CoO2", "YBa2Cu3O6.93"],
    *["Li(Fe0.5Mn0.5)2O4", "EuTiO3", "UO2", "PuO2", "AmCl3"],
    *["LiNaKRbCsMgCaZnFO", "LaCePrNdSmGdTbDyErYb", "CrMnFeCoNi", "AlCoCrCuFeNi", "Ce2O3"],
    *["HeNe", "XeF2", "KrXeArNe", "HN", "NH3", "CH4", "C60", "CO2", "HCl", "N2O5", "LiN3"],
    *["Al0.01Zn99.99", "FeC0.00001", "Li10.0001Fe10O10", "Li3Al2", "Mg3Sb2", "CuZr2", "Cu50Zr50", "NaK", "AtRnFr"],
    *["LiFePO4", "Li4Fe4P4O16", "Li4Fe4(PO4)4", "O16P4Fe4Li4", "KFeMn(CN)6", "Li7La3Zr2O12", "LiO", "NaO"],
    *["Na2O2", "OsIr", "TcRh"],
]  # fmt: skip


@dataclass(frozen=True)
class Composed:
    """What MODNet takes for a structure when only a composition is known."""

    composition: Any


def upstream(formulas: list[str]) -> pd.DataFrame:
    from modnet.featurizers.presets import CompositionOnlyMatminer2023Featurizer
    from pymatgen.core import Composition

    featurizer = CompositionOnlyMatminer2023Featurizer()
    # 4 s a formula; ours is matminer's own (featurize.atomic_packing).
    featurizer.composition_featurizers = tuple(
        f for f in featurizer.composition_featurizers if type(f).__name__ != "AtomicPackingEfficiency"
    )
    featurizer.set_n_jobs(1)
    structures = pd.DataFrame({"structure": [Composed(Composition(f)) for f in formulas]}, formulas)
    features: pd.DataFrame = featurizer.featurize(structures)
    return features


def test_ours_is_what_modnet_computes() -> None:
    sample = sorted(set(electrodes()["Formula Discharge"]))
    formulas = [*VARIED, *sample[:: len(sample) // (200 - len(VARIED)) + 1]]
    formulas += [f for f in sample if f not in formulas][: 200 - len(formulas)]
    assert len(formulas) == len(set(formulas)) == 200
    ours, theirs = compute(formulas), upstream(formulas)
    # MODNet drops what is missing in every row.
    assert list(ours.dropna(axis=1, how="all").columns) == list(theirs.columns)
    assert theirs.shape[1] == 280
    pd.testing.assert_frame_equal(ours.isna(), theirs.isna(), check_names=False)
    np.testing.assert_allclose(ours, theirs.to_numpy(np.float64), rtol=1e-9, atol=1e-12)
