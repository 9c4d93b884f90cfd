"""Screenings as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE
from electrode_bench.inference.screened import ANODE_VOLTAGE, ENERGY, OBJECTIVES, Screened, high, low
from electrode_bench.report.numbers import compact, missing, percent
from electrode_bench.report.terminal import titled

if TYPE_CHECKING:
    from rich.table import Table

#: How many candidates of a screening a terminal shows.
ROWS = 10


def screening_table(screened: Screened, *, title: str, synthetic: bool, rows: int = ROWS) -> Table:
    """The first ``rows`` candidates of a screening.

    Parameters
    ----------
    title : the model's name for people.
    """
    from rich.text import Text

    options, shown = screened.options, screened.best.head(rows)
    objective = OBJECTIVES[options.objective]
    notes = [
        f"in brackets: the {screened.level:.0%} prediction interval",
        f"front: the Pareto front, {options.front}",
        "energies: those of a cathode against the pure metal of the working ion",
    ]
    if (shown[VOLTAGE.key] < ANODE_VOLTAGE).any():
        notes.append(f"anodes: candidates below {ANODE_VOLTAGE:g} V are not on the front")
    table = titled(f"Best by {options.ordered_by}, predicted by {title}", notes, synthetic=synthetic)
    for heading in ("rank", "line"):
        table.add_column(heading, justify="right")
    table.add_column("formula", overflow="fold")
    table.add_column("ion")
    columns = [objective, *(c for c in (ENERGY, VOLTAGE, GRAVIMETRIC) if c != objective)]
    if options.goal is not None:
        table.add_column(f"above\n{options.goal:g}", justify="right")
    for column in columns:
        table.add_column(f"{column.label}\n{column.unit}", justify="right")
    table.add_column("front")
    table.add_column("notes", overflow="fold", ratio=1)
    for row in shown.to_dict("records"):
        chance = [percent(row["probability"])] if options.goal is not None else []
        table.add_row(
            "" if pd.isna(row["rank"]) else str(row["rank"]),
            str(row["line"]),
            Text(row["formula"]),
            row["working_ion"],
            *chance,
            *(_with_interval(row, column.key) for column in columns),
            "yes" if row["on_front"] else "",
            Text(row["notes"]),
        )
    return table


def summary(screened: Screened, *, out: Path, rejects: Path | None, rows: int = ROWS) -> Iterator[str]:
    """What was read, kept, left out and written, line by line."""
    shown = f"; the first {rows} rows are shown above" if len(screened.best) > rows else ""
    yield f"{screened.read:,} lines, {screened.kept:,} distinct candidates kept in {out}{shown}"
    if screened.filtered and screened.options.window is not None:
        lowest, highest = screened.options.window
        yield f"{screened.filtered:,} candidates were left out: their voltage is not from {lowest:g} to {highest:g} V"
    if screened.outside_domain:
        yield f"{screened.outside_domain:,} candidates were left out: they are outside the applicability domain"
    if screened.duplicates:
        lines = "line repeats" if screened.duplicates == 1 else "lines repeat"
        yield f"{screened.duplicates:,} {lines} the composition and ion of an earlier line"
    if rejects:
        yield f"{screened.rejected:,} lines could not be used; the reasons are in {rejects}"


def _with_interval(row: Mapping[Any, Any], name: str) -> str:
    value, lower, upper = row[name], row[low(name)], row[high(name)]
    if missing(lower) or missing(upper):
        return compact(value)
    return f"{compact(value)} ({compact(lower)} to {compact(upper)})"
