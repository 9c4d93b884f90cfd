"""show: the last comparison, read back from its file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from electrode_bench.artifacts import digest_frame, read_json, read_table
from electrode_bench.errors import UserError
from electrode_bench.layout import Layout
from electrode_bench.schema import ID, TARGETS


def headline(layout: Layout) -> pd.DataFrame:
    """``results/compare/table.csv``: one row a protocol and model."""
    path = layout.compare / "table.csv"
    _there(path)
    table = read_table(layout.table, made_by="prepare").set_index(ID)
    current = digest_frame(table[list(TARGETS)].sort_index())
    for cell in sorted(layout.results.glob("fit/*/*/cell.json")):
        if read_json(cell, made_by="fit")["digests"]["table"] != current:
            raise UserError(f"{path} is of other data than {layout.table}; run: dvc repro")
    return pd.read_csv(path)


def pairs(layout: Layout) -> pd.DataFrame:
    """``results/compare/pairs.csv``: one row a protocol, target and pair of models."""
    path = layout.compare / "pairs.csv"
    _there(path)
    return pd.read_csv(path)


def _there(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro compare")
