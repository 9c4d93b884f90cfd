"""Screenings as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.screening import OBJECTIVES, Screened
from electrode_bench.report.numbers import compact
from electrode_bench.report.terminal import titled

if TYPE_CHECKING:
    from rich.console import JustifyMethod
    from rich.table import Table

#: How many candidates of a screening a terminal shows.
ROWS = 10


def screening_table(screened: Screened, *, title: str, synthetic: bool, rows: int = ROWS) -> Table:
    """The first ``rows`` candidates of a screening.

    Parameters
    ----------
    title : the model's name for people.
    """
    objective = OBJECTIVES[screened.objective]
    low, high = screened.window
    shown = screened.best.head(rows)
    notes = [
        f"window: how many V outside {low:g} to {high:g} V",
        "front: Pareto front, where more energy is available only at voltages further outside the window",
        "distance: ElMD to the nearest known electrode; the file has the intervals and all other columns",
    ]
    if shown["above_limit"].any():
        notes.insert(0, "!: above the Faraday limit, an error of the model; energies are clipped to the limit")
    if not shown["in_domain"].all():
        notes.append("[yellow]out[/yellow]: outside the applicability domain; --in-domain excludes such candidates")
    table = titled(f"Best by {objective.title}, predicted by {title}", notes, synthetic=synthetic)
    headings: dict[str, JustifyMethod] = {"rank": "right", "formula": "left", "ion": "left"}
    headings |= dict.fromkeys(("mAh/g", "mAh/cm3", "V", "Wh/kg", "Wh/L", "window"), "right")
    headings |= {"front": "left", "domain": "left", "distance": "right"}
    for heading, justify in headings.items():
        table.add_column(heading, justify=justify)
    for row in shown.to_dict("records"):
        numbers = [compact(row[column]) for column in (*TARGETS, "energy", "energy_density", "outside_window")]
        if row["above_limit"]:
            numbers[0] += "!"
        rank = "" if pd.isna(row["rank"]) else str(row["rank"])
        flags = ["yes" if row["on_front"] else "", "in" if row["in_domain"] else "[yellow]out[/yellow]"]
        table.add_row(rank, row["formula"], row["working_ion"], *numbers, *flags, f"{row['nearest_distance']:.2f}")
    return table
