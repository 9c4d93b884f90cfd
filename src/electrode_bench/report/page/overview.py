"""The page's first picture: the error of each model under the main protocol, with its 95% interval.

It is a table with a mark in each row, so it needs no script, fits any width, and is read aloud like any table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electrode_bench.core.rows import records
from electrode_bench.core.schema import CONTROL, TARGETS, Column
from electrode_bench.report.numbers import missing, significant, unit
from electrode_bench.report.page.answer import answers
from electrode_bench.report.page.results import Results

#: Headings of the models that are tied with the best, of the others, and of all where nothing was tested.
TIED, WORSE, UNTESTED = "smallest error, and statistically tied", "significantly larger error", "one fold: not tested"

#: The largest error that is drawn, as a multiple of the control's: a failed model would squeeze all others.
_MOST = 1.5
#: The scale ends at least here, so that the control's line has room for its name.
_LEAST = 1.1


def overview(results: Results) -> list[dict[str, Any]]:
    """For each target its label, unit, sentence and groups of rows, and where the control lies.

    Places are in percent of the scale, which begins at 0.
    """
    sentences = answers(results)
    return [
        {"label": column.label, "unit": unit(column), "sentence": sentences[target], **_panel(results, target, column)}
        for target, column in TARGETS.items()
    ]


def _panel(results: Results, target: str, column: Column) -> dict[str, Any]:
    keep = (results.ranking["protocol"] == results.main_protocol) & (results.ranking["target"] == target)
    ranking = records(results.ranking[keep].sort_values("rank"))
    if not ranking:
        return {"control": None, "groups": []}
    control = next(row["mae"] for row in ranking if row["model"] == CONTROL)
    highs = [row["mae"] if missing(row["mae_high"]) else row["mae_high"] for row in ranking]
    end = max(_LEAST * control, min(max(highs), _MOST * control)) or 1.0
    pairs = results.pairs[(results.pairs["protocol"] == results.main_protocol) & (results.pairs["target"] == target)]
    tested = bool(pairs["p_holm"].notna().any())
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in ranking:
        heading = (TIED if row["like_best"] else WORSE) if tested else UNTESTED
        title = results.titles.get(str(row["model"]), str(row["model"]))
        groups.setdefault(heading, []).append(_row(row, title, column, control=control, end=end))
    return {
        "control": _place(control, end),
        "groups": [{"heading": heading, "tied": heading == TIED, "rows": rows} for heading, rows in groups.items()],
    }


def _row(row: Mapping[str, Any], title: str, column: Column, *, control: float, end: float) -> dict[str, Any]:
    known = not (missing(row["mae_low"]) or missing(row["mae_high"]))
    interval = f"{significant(row['mae_low'])} to {significant(row['mae_high'])} {unit(column)}" if known else ""
    low, high = (_place(row[key], end) for key in ("mae_low", "mae_high")) if known else (0.0, 0.0)
    return {
        "title": title,
        "best": int(row["rank"]) == 1 and row["model"] != CONTROL,
        "control": row["model"] == CONTROL,
        # As many digits in each row, so that the eye compares them.
        "mae": f"{row['mae']:,.0f}" if row["mae"] >= 100 else f"{row['mae']:#.3g}",
        "smae": f"{row['mae'] / control:.3f}" if control > 0 else significant(None),
        "interval": interval,
        "at": _place(row["mae"], end),
        "low": low,
        "width": round(high - low, 2),
        "beyond": row["mae"] > end,
    }


def _place(value: float, end: float) -> float:
    return round(100 * min(value / end, 1.0), 2)
