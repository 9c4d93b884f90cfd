"""How good prediction intervals are, in words and tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.evaluation.coverage import ALL_ROWS
from electrode_bench.report.numbers import MISSING, compact, missing, percent, unit

#: The columns of :func:`coverage_table`.
TABLE_COLUMNS = ("Model", "Target", "Measured coverage", "95% interval of it", "Mean width", "With an interval")


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


def coverage_table(
    coverage: pd.DataFrame, *, protocol: str, level: float, titles: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """The rows of a protocol's coverage table, with :data:`TABLE_COLUMNS`; other parameters as :func:`lines`.

    Where there is no interval at all, coverage and width are missing.
    """
    shown = coverage[(coverage["by"] == ALL_ROWS) & (coverage["level"] == level) & (coverage["protocol"] == protocol)]
    return [
        (
            titles.get(row["model"], row["model"]),
            TARGETS[row["target"]].label,
            percent(row["coverage"], decimals=1),
            MISSING if missing(row["low"]) else f"{row['low']:.1%} to {row['high']:.1%}",
            MISSING if missing(row["width"]) else f"{compact(row['width'])} {unit(TARGETS[row['target']])}",
            percent(row["share"], decimals=1),
        )
        for row in shown.to_dict("records")
    ]
