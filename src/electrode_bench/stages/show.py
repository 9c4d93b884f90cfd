"""show: the last comparison, read back from its file."""

from __future__ import annotations

import pandas as pd

from electrode_bench.artifacts import digest_frame, read_json, read_table
from electrode_bench.errors import UserError
from electrode_bench.layout import Layout
from electrode_bench.schema import ID, TARGETS


def headline(layout: Layout) -> pd.DataFrame:
    """``results/compare/table.csv``: one row a protocol and model."""
    path = layout.compare / "table.csv"
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro compare")
    table = read_table(layout.table, made_by="prepare").set_index(ID)
    current = digest_frame(table[list(TARGETS)].sort_index())
    for cell in sorted(layout.results.glob("fit/*/*/cell.json")):
        if read_json(cell, made_by="fit")["digests"]["table"] != current:
            raise UserError(f"{path} is of other data than {layout.table}; run: dvc repro")
    return pd.read_csv(path)
