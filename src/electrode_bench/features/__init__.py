"""Features of a composition: named feature sets, computed for each formula by itself and cached.

A feature set is one module that assigns ``FEATURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from electrode_bench.core.registry import Registry
from electrode_bench.features.base import FeatureSet
from electrode_bench.features.cache import compute, load_or_compute
from electrode_bench.params import Featurize

__all__ = ["COMPOSITION_COLUMNS", "FEATURE_SETS", "FeatureSet", "featurize", "has_atomic_packing", "listed"]

#: Every feature set by name.
FEATURE_SETS: Registry[FeatureSet] = Registry("electrode_bench.features", "FEATURES", kind="feature set")

#: The formulas that represent an electrode, by params.Featurize.composition: columns of the table.
COMPOSITION_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "discharged": ("formula_discharge",),
        "framework_ion": ("framework_formula", "working_ion"),
        "pair": ("formula_charge", "formula_discharge"),
    }
)


def listed(choice: Featurize) -> tuple[str, ...]:
    """The feature sets that the pipeline computes, in the order of params.yaml.

    Raises
    ------
    UserError
        When one is unknown.
    """
    if choice.sets is None:
        return FEATURE_SETS.names
    for name in choice.sets:
        FEATURE_SETS.module(name)
    return tuple(choice.sets)


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
    parts : formulas as text: one row for each electrode (the index is kept), one column for each part of the
        composition (see :data:`COMPOSITION_COLUMNS`).
    feature_set : a name in :data:`FEATURE_SETS`.
    atomic_packing : whether the set modnet gets the five columns of
        :mod:`~electrode_bench.features.atomic_packing`, which have a cache of their own. Other sets stay the same.
    cache : folder of the per-formula cache, made when missing; None computes everything. The result is the same.
    report : called once with (formulas computed now, at least in part; distinct formulas needed).

    Returns
    -------
    DataFrame of float64, on the index of ``parts``. A single part keeps the feature names of the set; with more parts,
    each name is prefixed with "<column>: ".

    Raises
    ------
    UserError
        When the set is unknown, a formula cannot be read, or an element is not in the set's table.
    """
    if parts.shape[1] == 0:
        raise ValueError("parts has no column")
    chosen = [FEATURE_SETS[feature_set]]
    if atomic_packing and feature_set == "modnet":
        from electrode_bench.features.atomic_packing import ATOMIC_PACKING

        chosen.append(ATOMIC_PACKING)
    formulas = sorted({str(f) for column in parts.columns for f in parts[column]})
    if cache is None:
        tables = [(compute(one, formulas), len(formulas)) for one in chosen]
    else:
        tables = [load_or_compute(one, formulas, folder=cache) for one in chosen]
    frame, computed = pd.concat([frame for frame, _ in tables], axis=1), max(new for _, new in tables)
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
