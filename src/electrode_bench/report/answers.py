"""Predictions for a terminal: what a chemist reads about a candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS
from electrode_bench.inference.predictor import LEVEL, Answer, Neighbour
from electrode_bench.inference.screening import OBJECTIVES, Screened
from electrode_bench.report.tables import SYNTHETIC

if TYPE_CHECKING:
    from rich.console import JustifyMethod
    from rich.table import Table


#: Candidates of a screening that a terminal shows.
ROWS = 10


def tables(answers: Iterable[Answer], *, title: str, protocol: str, synthetic: bool) -> Iterator[Table]:
    """A table an answer: the targets with their interval, then the nearest known electrodes."""
    for answer in answers:
        notes = [
            f"in brackets: the {LEVEL:.0%} interval, from this model's errors under {protocol} folds",
            f"Faraday limit, all {answer.working_ion} extracted: {answer.theoretical_capacity:.1f} {GRAVIMETRIC.unit}",
            f"[yellow]out of domain: {answer.outside}[/yellow]"
            if answer.outside
            else f"in the domain of the known electrodes: the nearest is {answer.nearest_distance:.2f} away, "
            f"{answer.reach:.2f} is the limit",
        ]
        if answer.fitted_on:
            notes.append(
                f"fitted on {_electrodes(answer.fitted_on)} of this composition: the interval is meant for unseen ones"
            )
        if answer.undecided:
            ions = " or ".join(answer.undecided)
            notes.append(f"the model reads the composition only: its values are the same whether {ions} moves")
        if answer.above_limit:
            notes.append("[yellow]the predicted capacity is above the Faraday limit: an error of the model[/yellow]")
        head = f"[bold]{answer.formula}[/bold], {answer.working_ion} electrode, by {title}"
        table = _titled(head, notes, synthetic=synthetic)
        table.add_column("")
        table.add_column("ElMD", justify="right")
        for column in TARGETS.values():
            table.add_column(f"{column.label}\n{column.unit}", justify="right")
        cells = [f"{_n(e.value)} ({_n(e.low)} to {_n(e.high)})" for e in answer.targets.values()]
        table.add_row("predicted", "", *cells, end_section=True)
        for near in answer.neighbours:
            name = near.formula if near.electrodes == 1 else f"{near.formula}, mean of {near.electrodes}"
            table.add_row(f"known: {name}", f"{near.distance:.2f}", *(_known(near, t) for t in TARGETS))
        yield table


def _electrodes(count: int) -> str:
    return f"{count} electrode{'s' if count > 1 else ''}"


def _known(near: Neighbour, target: str) -> str:
    """The value of a known composition; of several electrodes the mean, and in brackets their range."""
    mean = _n(near.targets[target])
    return mean if near.electrodes == 1 else f"{mean} ({_n(near.lowest[target])} to {_n(near.highest[target])})"


def best(screened: Screened, *, title: str, synthetic: bool, rows: int = ROWS) -> Table:
    """The first ``rows`` candidates of a screening."""
    column = OBJECTIVES[screened.objective]
    low, high = screened.window
    notes = [
        f"window: V beyond {low:g} to {high:g} V; front: none has more energy without lying further outside the window",
        "distance: ElMD to the nearest known electrode; intervals and the rest are in the file",
    ]
    shown = screened.best.head(rows)
    if shown["above_limit"].any():
        notes.insert(0, "!: above the Faraday limit, an error of the model; energies count no more than the limit")
    if not shown["in_domain"].all():
        notes.append("[yellow]out[/yellow]: unlike the known electrodes; --in-domain leaves such candidates out")
    table = _titled(f"Best by {column.title}, by {title}", notes, synthetic=synthetic)
    heads: dict[str, JustifyMethod] = {"rank": "right", "formula": "left", "ion": "left"}
    heads |= dict.fromkeys(("mAh/g", "mAh/cm3", "V", "Wh/kg", "Wh/L", "window"), "right")
    heads |= {"front": "left", "domain": "left", "distance": "right"}
    for head, side in heads.items():
        table.add_column(head, justify=side)
    for row in shown.to_dict("records"):
        numbers = [_n(row[c]) for c in (*TARGETS, "energy", "energy_density", "outside_window")]
        if row["above_limit"]:
            numbers[0] += "!"
        rank = "" if pd.isna(row["rank"]) else str(row["rank"])
        flags = ["yes" if row["on_front"] else "", "in" if row["in_domain"] else "[yellow]out[/yellow]"]
        table.add_row(rank, row["formula"], row["working_ion"], *numbers, *flags, f"{row['nearest_distance']:.2f}")
    return table


def _titled(title: str, notes: list[str], *, synthetic: bool) -> Table:
    """An empty table with what is to be known about it below."""
    from rich.table import Table

    if synthetic:
        notes = [*notes, f"[yellow]{SYNTHETIC}[/yellow]"]
    return Table(title=title, caption="\n".join(notes), title_justify="left", caption_justify="left")


def _n(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
