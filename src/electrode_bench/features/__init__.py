"""Features of a composition: named feature sets, computed a formula at a time and cached.

A new feature set is one file that makes a :class:`FeatureSet`, and one line in :data:`FEATURE_SETS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from electrode_bench.errors import UserError, nearest
from electrode_bench.features.atomic_packing import ATOMIC_PACKING
from electrode_bench.features.base import FeatureSet
from electrode_bench.features.cache import compute, load_or_compute
from electrode_bench.features.elements import ELEMENTS
from electrode_bench.features.magpie import MAGPIE
from electrode_bench.features.magpie_mean import MAGPIE_MEAN
from electrode_bench.features.mat2vec import MAT2VEC
from electrode_bench.features.modnet import MODNET

__all__ = ["COMPOSITION_COLUMNS", "FEATURE_SETS", "FeatureSet", "featurize", "has_atomic_packing"]

FEATURE_SETS: Mapping[str, FeatureSet] = MappingProxyType(
    {
        "magpie_mean": MAGPIE_MEAN,
        "magpie": MAGPIE,
        "mat2vec": MAT2VEC,
        "elements": ELEMENTS,
        "modnet": MODNET,
    }
)

#: What stands for an electrode (params.Featurize.composition), as columns of the table.
COMPOSITION_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "discharged": ("formula_discharge",),
        "framework_ion": ("framework_formula", "working_ion"),
        "pair": ("formula_charge", "formula_discharge"),
    }
)


def featurize(
    parts: pd.DataFrame,
    *,
    feature_set: str,
    atomic_packing: bool = False,
    cache: Path | None = None,
    report: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """The features of every electrode.

    Parameters
    ----------
    parts
        Formulas as text: one row an electrode (the index is kept), one column a part of the composition
        (see :data:`COMPOSITION_COLUMNS`).
    feature_set
        A name in :data:`FEATURE_SETS`.
    atomic_packing
        Whether the set modnet gets the five columns of :mod:`atomic_packing` after its own; they have a cache of
        their own. Other sets stay as they are.
    cache
        Folder of the per-formula cache, made when missing; None computes everything. The result is the
        same either way.
    report
        Called once with (formulas computed now, whole or in part, distinct formulas needed).

    Returns
    -------
    DataFrame of float64, on the index of ``parts``. One part keeps the feature names of the set; with
    more, the features stand side by side and each name is prefixed with "<column>: ".

    Raises
    ------
    UserError
        When the set is not known, a formula cannot be read, or an element is not in the set's table.
    """
    if feature_set not in FEATURE_SETS:
        raise UserError(f"unknown feature set '{feature_set}'; {nearest(feature_set, FEATURE_SETS)}")
    if parts.shape[1] == 0:
        raise ValueError("parts has no column")
    chosen = [FEATURE_SETS[feature_set]]
    if atomic_packing and feature_set == MODNET.name:
        chosen.append(ATOMIC_PACKING)
    formulas = sorted({str(f) for column in parts.columns for f in parts[column]})
    if cache is None:
        made = [(compute(one, formulas), len(formulas)) for one in chosen]
    else:
        made = [load_or_compute(one, formulas, folder=cache) for one in chosen]
    frame, computed = pd.concat([frame for frame, _ in made], axis=1), max(new for _, new in made)
    if report is not None:
        report(computed, len(formulas))
    blocks = []
    for column in parts.columns:
        block = frame.loc[[str(f) for f in parts[column]]].set_axis(parts.index, axis=0)
        blocks.append(block if parts.shape[1] == 1 else block.add_prefix(f"{column}: "))
    return pd.concat(blocks, axis=1)


def has_atomic_packing(features: pd.DataFrame) -> bool:
    """Whether a table of features was made with ``atomic_packing``."""
    return any("AtomicPackingEfficiency|" in str(column) for column in features.columns)
