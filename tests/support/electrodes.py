"""Small made-up tables for tests; never real data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.features import COMPOSITION_COLUMNS, featurize

METALS = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo")
ANIONS = ("O2", "S2", "F3", "PO4", "SO4", "SiO4")
IONS = ("Li", "Na", "Mg", "K")


def table(rows: int = 60, *, seed: int = 0) -> pd.DataFrame:
    """``rows`` electrodes of the columns that splits, fits and scores read; some formulas repeat."""
    rng = np.random.default_rng(seed)
    ions, metals, anions = (rng.choice(of, rows) for of in (IONS, METALS, ANIONS))
    level = np.array([METALS.index(m) for m in metals], dtype=float)
    values = {
        "gravimetric_capacity": 80 + 10 * level + rng.normal(0, 5, rows),
        "volumetric_capacity": 300 + 30 * level + rng.normal(0, 20, rows),
        "average_voltage": 1 + 0.3 * level + rng.normal(0, 0.2, rows),
    }
    return pd.DataFrame(
        {
            ID: [f"made-up-{i:04d}" for i in range(rows)],
            "working_ion": ions,
            FORMULA: [f"{i}{m}{a}" for i, m, a in zip(ions, metals, anions, strict=True)],
            **{target: values[target] for target in TARGETS},
        }
    )


def clusters(of: pd.DataFrame, *, number: int = 4, noise: int = 3, seed: int = 1) -> pd.Series:
    """Cluster labels 0..number-1 by electrode id, with ``noise`` rows of label -1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(number, size=len(of))
    labels[:number] = range(number)
    labels[number : number + noise] = -1
    return pd.Series(labels, index=of[ID].to_numpy(), name="cluster")


def element_frame(formulas: list[str] | dict[str, list[str]]) -> pd.DataFrame:
    """Features of the set ``elements``, one row per formula; a dictionary has one list per part of a composition."""
    parts = formulas if isinstance(formulas, dict) else {FORMULA: formulas}
    composition = next(name for name, columns in COMPOSITION_COLUMNS.items() if set(columns) == set(parts))
    return featurize(pd.DataFrame(parts), feature_set="elements", composition=composition)


def target_frame(values: list[float]) -> pd.DataFrame:
    """A single target."""
    return pd.DataFrame({"y": np.array(values, dtype=float)})


def redox_electrodes(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Electrodes AMPO4, AMF3 and AMO2 that release half of their ion when the metal cannot be oxidised by one.

    The metal of such an electrode is Ti, V or Nb; Fe, Co, Mn and Ni release all of it.
    """
    rng = np.random.default_rng(seed)
    ions, metals = rng.choice(("Li", "Na", "K"), rows), rng.choice(("Ti", "V", "Nb", "Fe", "Co", "Mn", "Ni"), rows)
    anions = rng.choice(("PO4", "F3", "O2", "SO4", "S2"), rows)
    formulas = [f"{ion}{metal}{anion}" for ion, metal, anion in zip(ions, metals, anions, strict=True)]
    frame = featurize(pd.DataFrame({FORMULA: formulas, "working_ion": ions}), feature_set="redox")
    share = np.where(np.isin(metals, ("Ti", "V", "Nb")), 0.5, 1.0)
    gravimetric = share * frame["redox: full capacity"].to_numpy()
    values = {
        "gravimetric_capacity": gravimetric,
        "volumetric_capacity": gravimetric * rng.uniform(3.0, 3.4, rows),
        "average_voltage": rng.normal(3.0, 0.5, rows),
    }
    return pd.DataFrame(
        {
            ID: [f"made-up-{i:04d}" for i in range(rows)],
            "working_ion": ions,
            FORMULA: formulas,
            **{target: values[target] for target in TARGETS},
        }
    )
