"""What tuning brought, as tables: for a terminal, in Markdown, and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from electrode_bench.schema import TARGETS
from electrode_bench.splits import TITLES

if TYPE_CHECKING:
    from rich.table import Table

#: What a comparison of a configured and a tuned configuration may claim, by its kind (sweep.score).
CLAIMS: Mapping[str, str] = {
    "held_out": "test rows of {folds}, which the study has not seen",
    "nested": "all outer folds, each tuned by a study of its own that has not seen its test rows",
    "not_nested": "all folds of {protocol}: not nested, the study saw most of the rows that they test on",
}

HEADS = ("target", "configured", "tuned", "difference", "95% interval", "p", "tuned is")

CAPTION = (
    "SMAE, ± standard deviation over folds; difference in % of the configured MAE (of the SMAE for the mean), "
    "its interval resampled by formula; p: corrected t-test over folds"
)


def title(score: Mapping[str, Any]) -> str:
    """What a score is of: the model, the trial, and the claim."""
    what = CLAIMS[score["claim"]].format(
        folds=f"{score['protocol']}/{', '.join(score['folds'])}", protocol=TITLES[score["protocol"]].lower()
    )
    return f"{score['model']}, trial {score['trial']} of {score['study']}: {what}"


def rows(score: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row a target and one for their mean, with the columns :data:`HEADS`, as text."""
    return [
        (
            TARGETS[r["target"]].label if r["target"] in TARGETS else "mean of the three",
            _smae(r, "configured"),
            _smae(r, "tuned"),
            _percent(r["relative"]),
            f"{_percent(_share(r, 'low'))} to {_percent(_share(r, 'high'))}",
            "-" if _missing(r["p"]) else f"{r['p']:.2g}",
            str(r["verdict"]),
        )
        for r in score["rows"]
    ]


def terminal(score: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    from rich.table import Table

    n = max(int(r["n"]) for r in score["rows"])
    table = Table(title=title(score), caption=f"{n} test rows. {CAPTION}", title_justify="left", caption_justify="left")
    for i, head in enumerate(HEADS):
        table.add_column(head, justify="left" if i in (0, len(HEADS) - 1) else "right", no_wrap=i != len(HEADS) - 1)
    for row in rows(score):
        table.add_row(*row)
    return table


def markdown(score: Mapping[str, Any]) -> str:
    """The table in Markdown."""
    lines = [f"**{title(score)}**", "", f"| {' | '.join(HEADS)} |", "|---|---:|---:|---:|---:|---:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(score)), "", f"{CAPTION}."])


def _smae(row: Mapping[str, Any], which: str) -> str:
    value, spread = row[f"{which}_smae"], row[f"{which}_spread"]
    return f"{value:.3f}" if _missing(spread) else f"{value:.3f} ± {spread:.3f}"


def _share(row: Mapping[str, Any], key: str) -> float | None:
    if _missing(row[key]) or not row["configured_mae"]:
        return None
    return float(row[key] / row["configured_mae"])


def _percent(value: float | None) -> str:
    return "-" if value is None or _missing(value) else f"{100 * value + 0.0:+.1f}%"


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
