"""Features of a composition: named feature sets, computed for each formula or electrode by itself and cached.

A feature set is one module that assigns ``FEATURES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from electrode_bench.core import feature_names
from electrode_bench.core.registry import Registry
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.features import electrodes
from electrode_bench.features.base import FeatureSet
from electrode_bench.features.cache import compute, load_or_compute
from electrode_bench.params import Featurize

__all__ = [
    "COMPOSITION_COLUMNS",
    "FEATURE_SETS",
    "FeatureSet",
    "columns_read",
    "featurize",
    "has_atomic_packing",
    "listed",
]

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


def columns_read(feature_set: str | None, *, composition: str) -> tuple[str, ...]:
    """The columns of a table of electrodes that the features are made from.

    These are the formulas that represent an electrode, and for a feature set that reads the working ion also those of
    :mod:`~electrode_bench.features.electrodes`.

    Parameters
    ----------
    feature_set : a feature set or several, joined by "+"; None for a model that reads no features.
    composition : a key of :data:`COMPOSITION_COLUMNS`.
    """
    own = COMPOSITION_COLUMNS[composition]
    names = () if feature_set is None else feature_names.split(feature_set)
    if not any(FEATURE_SETS[name].reads_ion for name in names):
        return own
    return tuple(dict.fromkeys((*own, *_electrode_columns(composition))))


def _electrode_columns(composition: str) -> tuple[str, ...]:
    return electrodes.PAIR_COLUMNS if composition == "pair" else electrodes.COLUMNS


def featurize(
    table: pd.DataFrame,
    *,
    feature_set: str,
    composition: str = "discharged",
    atomic_packing: bool = False,
    cache: Path | None = None,
    report: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """The features of every electrode.

    Every formula is reduced before a feature is computed (see :func:`electrode_bench.data.chemistry.canonical`), so
    that a composition has the same features in every spelling.

    Parameters
    ----------
    table : one row for each electrode, with the columns of :func:`columns_read`; other columns are ignored.
    feature_set : a name in :data:`FEATURE_SETS`, or several, joined by "+".
    composition : what represents an electrode, a key of :data:`COMPOSITION_COLUMNS`.
    atomic_packing : whether the set modnet gets the five columns of
        :mod:`~electrode_bench.features.atomic_packing`, which have a cache of their own. Other sets stay the same.
    cache : folder of the cache, made when missing; None computes everything. The result is the same.
    report : called once for each set with (formulas or electrodes computed now, at least in part; distinct ones
        needed).

    Returns
    -------
    DataFrame of float64, on the index of ``table``. The features of several sets stand side by side in the order of the
    name. Where one formula represents an electrode, the features keep the names of their set; with more formulas, each
    name is prefixed with "<column>: ". A set that reads the working ion always keeps its names.

    Raises
    ------
    UserError
        When a set is unknown, a formula cannot be read, or an element is not in the set's table.
    ValueError
        When two sets have a feature of the same name.
    """
    rows = _Rows(table, composition, cache, report)
    return feature_names.side_by_side(
        {name: rows.features(name, atomic_packing=atomic_packing) for name in feature_names.split(feature_set)}
    )


class _Rows:
    """The electrodes of one call of :func:`featurize`."""

    def __init__(
        self, table: pd.DataFrame, composition: str, cache: Path | None, report: Callable[[int, int], None] | None
    ) -> None:
        self.table, self.composition, self.cache, self.report = table, composition, cache, report

    def features(self, name: str, *, atomic_packing: bool) -> pd.DataFrame:
        """The features of one set."""
        chosen = FEATURE_SETS[name]
        if chosen.reads_ion:
            return self._of_electrodes(chosen)
        if atomic_packing and name == "modnet":
            from electrode_bench.features.atomic_packing import ATOMIC_PACKING

            return self._of_formulas([chosen, ATOMIC_PACKING])
        return self._of_formulas([chosen])

    def _of_formulas(self, sets: Sequence[FeatureSet]) -> pd.DataFrame:
        columns = COMPOSITION_COLUMNS[self.composition]
        reduced = {column: _readable(chemistry.canonical, self.table[column]) for column in columns}
        frame = self._computed(sets, [text for column in columns for text in reduced[column]])
        blocks = []
        for column in columns:
            block = frame.loc[reduced[column]].set_axis(self.table.index, axis=0)
            blocks.append(block if len(columns) == 1 else block.add_prefix(f"{column}: "))
        return pd.concat(blocks, axis=1)

    def _of_electrodes(self, chosen: FeatureSet) -> pd.DataFrame:
        if self.composition == "pair":
            # With the charged formula a set may have further columns: these rows have a cache of their own.
            chosen = replace(chosen, name=f"{chosen.name}-pair")
        columns = [self.table[column] for column in _electrode_columns(self.composition)]
        keys = _readable(electrodes.key, *columns)
        return self._computed([chosen], keys).loc[keys].set_axis(self.table.index, axis=0)

    def _computed(self, sets: Sequence[FeatureSet], texts: Iterable[str]) -> pd.DataFrame:
        """The features of each distinct text (the index)."""
        distinct = sorted(set(texts))
        if self.cache is None:
            tables = [(compute(one, distinct), len(distinct)) for one in sets]
        else:
            tables = [load_or_compute(one, distinct, folder=self.cache) for one in sets]
        if self.report is not None:
            self.report(max(new for _, new in tables), len(distinct))
        return pd.concat([frame for frame, _ in tables], axis=1)


def _readable(describe: Callable[..., str], *columns: pd.Series) -> list[str]:
    """``describe`` of the values of each row; a UserError for the first row that it cannot read."""
    try:
        return [describe(*values) for values in zip(*columns, strict=True)]
    except chemistry.FormulaError as error:
        raise UserError(f"{error}; correct it in the snapshot") from error


def has_atomic_packing(features: pd.DataFrame) -> bool:
    """Whether a table of features was made with ``atomic_packing``."""
    return any("AtomicPackingEfficiency|" in str(column) for column in features.columns)
