"""Magpie in full: matminer's ``ElementProperty.from_preset("magpie")``, 22 properties x 6 statistics.

The elemental table is matminer's own, and the numbers equal matminer's to 1e-9; the statistics are taken
over all formulas at once. Like matminer 0.10.1 by default (``impute_nan=True``), a property that the
table lacks for an element (some of He, Ne, Ar, At, Rn, Fr and of the elements after Cm) is replaced by
the property's mean over the elements that have it, so no element up to Og is missing.

Sources: L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28;
L. Ward et al., Comput. Mater. Sci. 152, 60 (2018), doi:10.1016/j.commatsci.2018.05.018 (matminer).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files

import numpy as np
import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet

#: The preset's properties and statistics, in its order.
PROPERTIES = (
    "Number",
    "MendeleevNumber",
    "AtomicWeight",
    "MeltingT",
    "Column",
    "Row",
    "CovalentRadius",
    "Electronegativity",
    "NsValence",
    "NpValence",
    "NdValence",
    "NfValence",
    "NValence",
    "NsUnfilled",
    "NpUnfilled",
    "NdUnfilled",
    "NfUnfilled",
    "NUnfilled",
    "GSvolume_pa",
    "GSbandgap",
    "GSmagmom",
    "SpaceGroupNumber",
)
#: Atomic number of oganesson, the last element.
_HEAVIEST = 118
STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")


@functools.cache
def elements() -> pd.DataFrame:
    """The table of matminer's ``MagpieData(impute_nan=True)``: elements H to Og x properties, without a gap.

    Its files are read here, because importing ``matminer.utils.data`` imports scipy.stats, which takes as long as a
    short answer.
    """
    from matminer import utils
    from pymatgen.core import Element

    folder = files(utils) / "data_files" / "magpie_elementdata"
    symbols = [Element.from_Z(z).symbol for z in range(1, _HEAVIEST + 1)]
    columns = {name: _column((folder / f"{name}.table").read_text(encoding="utf-8")) for name in PROPERTIES}
    return pd.DataFrame(columns, index=symbols)


def _column(text: str) -> np.ndarray:
    """A property of each element from a file with a line for each; what is no number becomes the mean."""
    lines = text.splitlines()[:_HEAVIEST]
    values = np.full(_HEAVIEST, np.nan)
    for i, line in enumerate(lines):
        with suppress(ValueError):
            values[i] = float(line)
    return np.where(np.isnan(values), np.nanmean(values), values)


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """The 132 statistics (n_formulas x 132) in the properties' own units, with matminer's labels and order.

    "mode" is the property of the element with the largest amount; of several elements with that amount
    (to a relative 1e-5, as matminer has it) the smallest property counts. "avg_dev" is the weighted mean
    absolute deviation from the weighted mean.
    """
    table = elements()
    matrix = composition.amounts(formulas)
    composition.require_elements(matrix, table.index, feature_set="magpie")
    by_statistic = statistics(matrix, table)
    # n_formulas x n_properties x n_statistics: a property's statistics stand together.
    values = np.stack([by_statistic[name] for name in STATISTICS], axis=2)
    labels = [f"MagpieData {statistic} {name}" for name in PROPERTIES for statistic in STATISTICS]
    return pd.DataFrame(values.reshape(len(matrix), len(labels)), index=matrix.index, columns=labels)


def statistics(matrix: pd.DataFrame, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each of :data:`STATISTICS` of each property, shape (n_formulas x n_properties).

    ``matrix`` holds amounts (n_formulas x n_elements), ``table`` properties (elements x n_properties).
    """
    shape = (len(matrix), table.shape[1])
    low, high, mode = np.full(shape, np.inf), np.full(shape, -np.inf), np.full(shape, np.inf)
    largest = matrix.to_numpy().max(axis=1, initial=0.0)
    for element, rows, amount in composition.elementwise(matrix):
        value = table.loc[element].to_numpy()
        low[rows] = np.minimum(low[rows], value)
        high[rows] = np.maximum(high[rows], value)
        most = rows[np.isclose(amount, largest[rows])]
        mode[most] = np.minimum(mode[most], value)
    mean = composition.weighted_mean(matrix, table)
    deviation = np.zeros(shape)
    for element, rows, amount in composition.elementwise(matrix):
        deviation[rows] += amount[:, None] * np.abs(table.loc[element].to_numpy() - mean[rows])
    deviation /= composition.totals(matrix)[:, None]
    # Elements with equal properties deviate by the rounding of their mean; that is zero.
    deviation[low == high] = 0.0
    return {"minimum": low, "maximum": high, "range": high - low, "mean": mean, "avg_dev": deviation, "mode": mode}


FEATURES = FeatureSet(
    name="magpie",
    title="Magpie, matminer's 132 statistics",
    compute=compute,
)
