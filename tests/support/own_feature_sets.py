"""Feature sets of the tests, which the program finds as if they were its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from electrode_bench import features
from electrode_bench.data import chemistry
from electrode_bench.features import FEATURE_SETS, electrodes
from electrode_bench.features.base import FeatureSet

#: One module for each set, as the program looks for it.
_FOLDER = Path(__file__).with_name("feature_sets")


@contextmanager
def registered() -> Iterator[None]:
    """Within the context, the sets of this module are feature sets of the program."""
    own = list(features.__path__)
    features.__path__ = [*own, str(_FOLDER)]
    vars(FEATURE_SETS).pop("names", None)
    try:
        yield
    finally:
        features.__path__ = own
        vars(FEATURE_SETS).pop("names", None)
        for path in _FOLDER.glob("*.py"):
            sys.modules.pop(f"{features.__name__}.{path.stem}", None)


def ion_share(keys: Sequence[str]) -> pd.DataFrame:
    """Share of the ion among the atoms; with a charged formula also the part of the ion that leaves."""
    columns: dict[str, list[float]] = {"ion: share": []}
    for one in map(electrodes.split, keys):
        amounts = chemistry.parse(one.discharged)
        columns["ion: share"].append(amounts.get(one.ion, 0.0) / sum(amounts.values()))
        if one.charged is not None:
            leaving = chemistry.exchanged(chemistry.parse(one.charged), amounts, one.ion)
            columns.setdefault("ion: leaving", []).append(leaving / amounts[one.ion])
    return pd.DataFrame(columns, index=pd.Index(list(keys), dtype=object), dtype=float)


def constant(formulas: Sequence[str]) -> pd.DataFrame:
    """A feature that is called as one of the set ``elements``."""
    return pd.DataFrame({"Li": 1.0}, index=pd.Index(list(formulas), dtype=object))


ION_SHARE = FeatureSet(name="ion_share", title="Share of the working ion", compute=ion_share, reads_ion=True)
CLASH = FeatureSet(name="clash", title="Clash", compute=constant)
