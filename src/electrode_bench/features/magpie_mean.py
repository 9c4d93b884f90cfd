"""The study's 21 Magpie features: composition-weighted means of elemental properties.

The table is the one that CrabNet ships, taken from the ElementEmbeddings package. It has 22 properties
and 97 elements, H to Bk; gaps are filled with a property's mean by its makers. The study counts one
feature less than either of its tables has columns (21 of Magpie's 22, 199 of mat2vec's 200) and does not
say which is left out. Here it is the first, the atomic number: it only names the element, and the atomic
weight ranks elements in nearly the same way.

Sources: L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28;
H. Wu et al., arXiv:2603.07805.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """Weighted means (n_formulas x 21) in the properties' own units, named "mean <property>"."""
    table = composition.element_table("magpie").drop(columns="Number")
    return composition.table_means(formulas, table, feature_set="magpie_mean", prefix="mean")


FEATURES = FeatureSet(
    name="magpie_mean",
    title="Magpie, 21 weighted means",
    compute=compute,
)
