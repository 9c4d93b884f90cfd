"""mat2vec: composition-weighted mean of 200-dimensional element vectors learned from abstracts.

Source: V. Tshitoyan et al., Nature 571, 95 (2019), doi:10.1038/s41586-019-1335-8; the vectors are those
that CrabNet uses, taken from the ElementEmbeddings package.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """Weighted means (n_formulas x 200), without unit, named "mat2vec 0" to "mat2vec 199"."""
    table = composition.element_table("mat2vec")
    return composition.table_means(formulas, table, feature_set="mat2vec", prefix="mat2vec")


FEATURES = FeatureSet(
    name="mat2vec",
    title="mat2vec, weighted mean",
    compute=compute,
)
