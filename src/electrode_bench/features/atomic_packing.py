"""Atomic packing efficiency, the one slow descriptor of MODNet's preset: 4 s for a formula of five elements.

matminer's ``AtomicPackingEfficiency`` searches all clusters of up to 25 atoms of a formula's elements. It is computed
only if params.yaml asks for it (featurize.atomic_packing). Its columns come after those of
:mod:`electrode_bench.features.modnet`.

Source: K. Laws, D. Miracle, M. Ferry, Nat. Commun. 6, 8123 (2015), doi:10.1038/ncomms9123, as in matminer.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.data import chemistry
from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet

#: matminer's distances go through a matrix product, whose noise is about 1e-8.
_DISTANCE_DIGITS = 6


@functools.cache
def _featurizer() -> Any:
    from matminer.featurizers.composition import AtomicPackingEfficiency

    return AtomicPackingEfficiency()


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """The mean packing efficiency, its mean absolute value, and the distances (in atomic fractions) to the
    nearest 1, 3 and 5 efficiently packed clusters, kept to 6 decimals (n_formulas x 5).

    Raises
    ------
    UserError
        When a formula cannot be read.
    """
    from pymatgen.core import Composition

    featurizer = _featurizer()
    labels = [f"AtomicPackingEfficiency|{label}" for label in featurizer.feature_labels()]
    frame = pd.DataFrame(np.nan, index=composition.amounts(formulas).index, columns=labels)
    with warnings.catch_warnings():
        # matminer sorts elements by electronegativity, and pymatgen warns that noble gases have none.
        warnings.filterwarnings("ignore", message="No Pauling electronegativity", category=UserWarning)
        # matminer caches the clusters of the last chemical systems: formulas of one system come together.
        for formula in sorted(formulas, key=lambda f: (sorted(chemistry.parse(f)), f)):
            frame.loc[formula] = featurizer.featurize(Composition(chemistry.parse(formula)))
    distances = [label for label in labels if "dist from" in label]
    frame[distances] = frame[distances].round(_DISTANCE_DIGITS)
    return frame


ATOMIC_PACKING = FeatureSet(
    name="atomic_packing",
    title="Atomic packing efficiency",
    compute=compute,
    batch=100,
)
