"""show: the last comparison, read back from its file."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from electrode_bench.core.digests import digest_frame
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Layout, read_json, read_table


def headline(layout: Layout) -> pd.DataFrame:
    """``results/compare/table.csv``: one row a protocol and model."""
    path = layout.compare / "table.csv"
    rows = comparison(layout, "table")
    table = read_table(layout.table, stage="prepare").set_index(ID)
    current = digest_frame(table[list(TARGETS)].sort_index())
    for cell in sorted(layout.results.glob("fit/*/*/cell.json")):
        if read_json(cell, stage="fit")["digests"]["table"] != current:
            raise UserError(f"{path} is of other data than {layout.table}; run: dvc repro")
    return rows


def pairs(layout: Layout) -> pd.DataFrame:
    """``results/compare/pairs.csv``: one row a protocol, target and pair of models."""
    return comparison(layout, "pairs")


def comparison(layout: Layout, name: str, *, columns: Sequence[str] = ()) -> pd.DataFrame:
    """``results/compare/<name>.csv``; with ``columns`` and no row where the file is empty.

    Raises
    ------
    UserError
        When the file is missing.
    """
    path = layout.compare / f"{name}.csv"
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro compare")
    # Only an empty field is no value: write_csv writes nothing else for one.
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=list(columns))
