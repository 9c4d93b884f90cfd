"""How good prediction intervals are, in words and tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.evaluation.coverage import ALL_ROWS
from electrode_bench.report.numbers import compact, unit
from electrode_bench.splits import protocol

#: The columns of :func:`coverage_table`.
TABLE_COLUMNS = ("model", "protocol", "target", "measured", "interval of it", "mean width", "with an interval")


def lines(coverage: pd.DataFrame, *, level: float, titles: Mapping[str, str]) -> Iterator[str]:
    """One line for each model: how often its intervals hold the true value, under each protocol.

    Parameters
    ----------
    coverage : ``results/compare/coverage.csv``.
    level : the nominal level.
    titles : the model's name for people, by its name.
    """
    shown = coverage[(coverage["by"] == ALL_ROWS) & (coverage["level"] == level)]
    for model, of in shown.groupby("model", sort=False):
        parts = []
        for name, rows in of.groupby("protocol", sort=False):
            values = rows.set_index("target")["coverage"].reindex(list(TARGETS))
            held = ", ".join("none" if np.isnan(value) else f"{value:.0%}" for value in values)
            parts.append(f"{name} {held}")
        yield f"{level:.0%} intervals of {titles.get(str(model), str(model))} hold: {'; '.join(parts)}"


def coverage_table(coverage: pd.DataFrame, *, level: float, titles: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of the coverage table, with :data:`TABLE_COLUMNS`; parameters as :func:`lines`."""
    shown = coverage[(coverage["by"] == ALL_ROWS) & (coverage["level"] == level)]
    found = []
    for row in shown.to_dict("records"):
        column = TARGETS[row["target"]]
        values = (
            titles.get(row["model"], row["model"]),
            protocol(row["protocol"]).title,
            column.label,
            _percent(row["coverage"]),
            f"{_percent(row['low'])} to {_percent(row['high'])}",
            "" if np.isnan(row["width"]) else f"{compact(row['width'])} {unit(column)}",
            _percent(row["share"]),
        )
        found.append(dict(zip(TABLE_COLUMNS, values, strict=True)))
    return found


def _percent(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.1%}"
