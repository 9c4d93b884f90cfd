"""What a feature set is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from electrode_bench.core.digests import digest
from electrode_bench.core.source_closure import SourceClosure, entry, source_closure

#: The code that checks and rounds the rows before they are kept.
_KEEPING = "electrode_bench.features.cache:compute"


@dataclass(frozen=True)
class FeatureSet:
    """A named way from a formula, or from a formula and its working ion, to numbers.

    Parameters
    ----------
    name : the name of the module that assigns ``FEATURES``.
    title : name for people.
    compute : takes distinct reduced formulas and returns a float64 frame (n_formulas x n_features) indexed by formula.
        A row may depend only on its formula, never on the others in the same call, because rows are cached. The columns
        may depend only on the code.
    missing : whether a row may hold NaN, for a feature that is not defined for a composition. It is never infinite.
    reads_ion : whether the set also reads the working ion. ``compute`` then takes distinct keys of electrodes
        (:mod:`electrode_bench.features.electrodes`) in place of formulas and returns a frame indexed by key. Either all
        keys of a call have a charged formula or none has, and the columns may depend on that.
    batch : number of formulas after which the cache is written, for a set so slow that a killed run should keep its
        rows; None writes once.
    """

    name: str
    title: str
    compute: Callable[[Sequence[str]], pd.DataFrame]
    missing: bool = False
    reads_ion: bool = False
    batch: int | None = None

    def closure(self) -> SourceClosure:
        """The source code that decides a row of features, as the cache keeps it."""
        return source_closure(entry(self.compute), _KEEPING)

    def code_digest(self) -> str:
        """SHA-256 (hex) of the source code behind ``compute`` and the versions of the libraries that it uses."""
        closure = self.closure()
        return digest({"code": closure.digest, "versions": closure.versions()})
