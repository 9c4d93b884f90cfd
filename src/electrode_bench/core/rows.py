"""Rows of a table as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary per row, with the names of the columns as keys."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
