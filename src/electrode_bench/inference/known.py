"""The known electrodes by composition: what their measured or computed targets are, for answers to show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_table
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.data import chemistry
from electrode_bench.inference.answer import Neighbour

_COMPOSITION, _ELECTRODES = "composition", "electrodes"
_STATISTICS = ("mean", "min", "max")


class Known:
    """The targets of known electrodes, by composition.

    Parameters
    ----------
    table : the known electrodes (schema.TABLE_COLUMNS).
    """

    def __init__(self, table: pd.DataFrame) -> None:
        groups = table[list(TARGETS)].groupby(table[FORMULA].map(chemistry.canonical).to_numpy())
        frame = groups.agg(list(_STATISTICS))
        frame.columns = [f"{target}_{statistic}" for target in TARGETS for statistic in _STATISTICS]
        self._frame = frame.assign(**{_ELECTRODES: groups.size()})

    def save(self, path: Path) -> None:
        """Write the compositions to a parquet file."""
        write_table(self._frame.rename_axis(_COMPOSITION).reset_index(), path)

    @classmethod
    def load(cls, file: Path | BinaryIO) -> Self:
        """Read what :meth:`save` wrote."""
        known = cls.__new__(cls)
        known._frame = pd.read_parquet(file).set_index(_COMPOSITION)
        return known

    def electrodes(self, formulas: Sequence[str]) -> np.ndarray:
        """How many known electrodes have the composition of each formula (n,)."""
        canonical = [chemistry.canonical(formula) for formula in formulas]
        counts = self._frame[_ELECTRODES].reindex(canonical, fill_value=0)
        return np.asarray(counts.to_numpy(dtype=np.int64))

    def neighbour(self, formula: str, distance: float) -> Neighbour:
        """A known composition near a candidate, by any of its formulas."""
        row = self._frame.loc[chemistry.canonical(formula)]
        mean, lowest, highest = (
            {target: float(row[f"{target}_{statistic}"]) for target in TARGETS} for statistic in _STATISTICS
        )
        return Neighbour(formula, distance, int(row[_ELECTRODES]), mean, lowest, highest)
