"""show: the last comparison, read back from its file."""

from __future__ import annotations

import pandas as pd

from electrode_bench.errors import UserError
from electrode_bench.layout import Layout


def headline(layout: Layout) -> pd.DataFrame:
    """``results/compare/table.csv``: one row a protocol and model."""
    path = layout.compare / "table.csv"
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro compare")
    return pd.read_csv(path)
