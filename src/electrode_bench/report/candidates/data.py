"""What the script of the candidates' page draws: JSON's own types, numbers with 5 significant digits, no NaN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from electrode_bench.core.schema import VOLTAGE
from electrode_bench.inference.screened import ENERGY, OBJECTIVES, RANKS, high, low
from electrode_bench.report.candidates.shown import QUANTITIES, Shown
from electrode_bench.report.composition_map import AXES
from electrode_bench.report.numbers import all_rounded, rounded, unit, with_unit

_DIGITS = 5
#: Coordinates of the map.
_PLACE_DIGITS = 4


def data(shown: Shown) -> dict[str, Any]:
    """Everything that the script draws, by name."""
    options = shown.screened.options
    rows = shown.rows.to_dict("records")
    styles = shown.ion_styles()
    columns = [column for column in shown.own_columns if column != shown.name_column]
    repeats = shown.repeats
    return {
        "level": f"{shown.screened.level:.0%}",
        "x": VOLTAGE.key,
        "y": options.objective if options.objective != VOLTAGE.key else ENERGY.key,
        "quantities": [
            {"key": q.key, "label": q.label, "unit": unit(q), "title": with_unit(q)} for q in QUANTITIES
        ],
        "frontOf": ENERGY.key,
        "window": list(options.window) if options.window else None,
        "goal": None if options.goal is None else {"key": options.objective, "value": options.goal},
        "front": options.front,
        "ions": [
            {"key": ion, "title": ion, "colour": of.colour, "symbol": of.symbol} for ion, of in styles.items()
        ],
        "ownColumns": columns,
        "named": shown.name_column is not None,
        "rows": [
            {
                **_row(row),
                "name": name,
                "place": all_rounded(place, _PLACE_DIGITS) if place else None,
                "own": ["" if pd.isna(row[column]) else str(row[column]) for column in columns],
                "repeats": repeats.get(int(row["line"]), []),
            }
            for row, name, place in zip(rows, shown.names(), shown.places(), strict=True)
        ],
        "map": _map(shown),
    }  # fmt: skip


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    ends = {
        q.key: all_rounded((row[key] for key in (q.key, low(q.key), high(q.key))), _DIGITS) for q in QUANTITIES
    }  # fmt: skip
    return {
        "rank": None if pd.isna(row["rank"]) else int(row["rank"]),
        "line": int(row["line"]),
        "formula": str(row["formula"]),
        "ion": str(row["working_ion"]),
        "values": ends,
        "probability": rounded(row["probability"], _DIGITS),
        "limit": rounded(row["theoretical_capacity"], _DIGITS),
        "nearest": None if pd.isna(row["nearest"]) else str(row["nearest"]),
        "distance": rounded(row["nearest_distance"], _DIGITS),
        "inDomain": bool(row["in_domain"]),
        "front": bool(row["on_front"]),
        "aboveLimit": bool(row["above_limit"]),
        "notes": "" if pd.isna(row["notes"]) else str(row["notes"]),
    }


def _map(shown: Shown) -> dict[str, Any] | None:
    """The known compositions, one point each, and the formulas of the clusters' representatives."""
    if shown.known is None or shown.known.placed.empty:
        return None
    points = shown.known.placed[["x", "y"]].drop_duplicates()
    representatives = shown.known.representatives.dropna(subset=["x", "y"])
    return {
        "axes": list(AXES),
        "ranges": [all_rounded(ends, _DIGITS) for ends in shown.known.ranges],
        "x": all_rounded(points["x"], _PLACE_DIGITS),
        "y": all_rounded(points["y"], _PLACE_DIGITS),
        "representatives": [
            {"formula": str(row["formula_discharge"]), "x": rounded(row["x"], _PLACE_DIGITS),
             "y": rounded(row["y"], _PLACE_DIGITS)}
            for row in representatives.to_dict("records")
        ],
    }  # fmt: skip


def summary(shown: Shown) -> list[str]:
    """What the page says above the figure, in sentences."""
    screened, options = shown.screened, shown.screened.options
    objective = OBJECTIVES[options.objective]
    order = (
        f"the probability that the {objective.label.lower()} is above {options.goal:g} {unit(objective)}"
        if options.rank == "probability" and options.goal is not None
        else f"the {RANKS[options.rank]} of the {objective.label.lower()}"
    )
    candidates, lines = counted(len(shown.rows), "candidate"), counted(screened.read, "line")
    sentences = [f"{candidates} of {lines}, best first by {order}.", f"Predicted by {shown.model}."]
    if screened.rejected:
        sentences.append(f"{counted(screened.rejected, 'line')} could not be used.")
    if screened.duplicates:
        verb = "repeats" if screened.duplicates == 1 else "repeat"
        sentences.append(f"{counted(screened.duplicates, 'line')} {verb} a composition.")
    if screened.filtered:
        verb = "is" if screened.filtered == 1 else "are"
        sentences.append(f"{counted(screened.filtered, 'candidate')} {verb} outside the voltage window.")
    if screened.outside_domain:
        verb = "is" if screened.outside_domain == 1 else "are"
        sentences.append(f"{counted(screened.outside_domain, 'candidate')} {verb} outside the domain and left out.")
    return sentences


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "line"), counted(2000, "line")
    ('1 line', '2,000 lines')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
