"""What a feature set is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import digest, digest_files


@dataclass(frozen=True)
class FeatureSet:
    """A named way from a formula to numbers.

    ``compute`` takes distinct formulas and returns a float64 frame (n_formulas x n_features) indexed by
    formula. A formula's row may depend on nothing but the formula, never on the others in the same call:
    rows are cached. The columns depend on nothing but the code.
    """

    name: str
    title: str
    compute: Callable[[Sequence[str]], pd.DataFrame]
    #: Source files whose change makes cached rows stale.
    modules: tuple[Path, ...]
    #: Installed distributions whose version makes cached rows stale.
    packages: tuple[str, ...]
    #: Whether a row may hold NaN, which says "not defined for this composition". Infinite it may never be.
    missing: bool = False
    #: Formulas after which the cache is written, for a set so slow that a killed run should keep its rows.
    batch: int | None = None

    def code_digest(self) -> str:
        """SHA-256 (hex) of the source files and package versions behind ``compute``."""
        return digest({"files": digest_files(self.modules), "versions": {p: version(p) for p in self.packages}})
