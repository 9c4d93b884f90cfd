"""Rows of a table: as records, and where those of a group are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary per row, with the names of the columns as keys."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def positions(frame: pd.DataFrame, by: Sequence[str]) -> list[tuple[Any, np.ndarray]]:
    """The positions of the rows of each group, as ascending numbers; the groups in the order of their first rows.

    It is a groupby that copies no rows.
    """
    groups = frame.groupby(list(by), sort=False).indices
    # pandas-stubs allow slices and lists here; pandas gives arrays.
    return sorted(groups.items(), key=lambda group: int(group[1][0]))  # type: ignore[arg-type]
