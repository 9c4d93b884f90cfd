"""The comparison as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.artifacts import read_json
from electrode_bench.layout import Layout
from electrode_bench.schema import TARGETS
from electrode_bench.splits import TITLES

if TYPE_CHECKING:
    from rich.table import Table

#: Said wherever numbers from the embedded sample are shown.
SYNTHETIC = "synthetic sample data: for trying the pipeline, not a result about materials"

#: What a protocol's mean is taken over.
OVER = {"bootstrap": "mean ± standard deviation over the repeats of the largest training size"}

METRICS = ("mae", "smae", "r2")
HEADS = {"mae": "MAE", "smae": "SMAE", "r2": "R2"}


def headline(rows: pd.DataFrame, *, synthetic: bool) -> Iterator[Table]:
    """One table a protocol: models below each target, each metric with its spread, then on 2-sigma-filtered rows.

    ``rows`` is ``results/compare/table.csv`` (one row a protocol and model).
    """
    from rich.table import Table

    for protocol, cells in rows.groupby("protocol", sort=False):
        caption = OVER.get(str(protocol), "mean ± standard deviation over folds")
        table = Table(
            title=f"{TITLES[str(protocol)]} ({protocol})",
            caption=f"{caption}; SMAE = MAE / MAE of the control on unfiltered rows"
            + (f"\n{SYNTHETIC}" if synthetic else ""),
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("target")
        table.add_column("model")
        for suffix in ("", " 2σ"):
            for metric in METRICS:
                table.add_column(HEADS[metric] + suffix, justify="right", no_wrap=True)
        for target, column in TARGETS.items():
            for i, (_, cell) in enumerate(cells.iterrows()):
                table.add_row(
                    f"{column.label}, {column.unit}" if i == 0 else "",
                    str(cell["title"]),
                    *(_value(cell, f"{target}/{m}{s}", m) for s in ("", "_2sigma") for m in METRICS),
                    end_section=i == len(cells) - 1,
                )
        yield table


def synthetic(layout: Layout) -> bool:
    """Whether the prepared table is the embedded sample."""
    return bool(read_json(layout.card, made_by="prepare")["synthetic"])


def _value(cell: pd.Series[Any], key: str, metric: str) -> str:
    value, spread = cell[key], cell[f"{key} spread"]
    if pd.isna(value):
        return "-"
    digits = 3 if metric != "mae" or abs(value) < 10 else 1
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    shown = f"{round(value, digits) + 0.0:.{digits}f}"
    return shown if pd.isna(spread) else f"{shown} ± {spread:.{digits}f}"
