"""The comparison as tables for a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.evaluation.significance import standing
from electrode_bench.splits import protocol as protocol_named

if TYPE_CHECKING:
    from rich.table import Table

#: Said wherever numbers from the embedded sample are shown.
SYNTHETIC = "synthetic sample data: for trying the pipeline, not a result about materials"

#: What stands between two models.
ORDER = (
    "between neighbours, <: told apart (95% interval over formulas without zero, and p < 0.05 over folds, Holm); "
    "~: not told apart\nAll pairs with their numbers: results/compare/pairs.csv"
)

HEADS = {"mae": "MAE", "smae": "SMAE", "r2": "R2"}


def headline(rows: pd.DataFrame, *, synthetic: bool) -> Iterator[Table]:
    """The study's table for a terminal, one a protocol.

    ``rows`` is ``results/compare/table.csv`` (one row a protocol and model). Each value stands with its
    spread, below it in brackets the same on 2-sigma-filtered rows.
    """
    from rich.table import Table

    for protocol, cells in rows.groupby("protocol", sort=False):
        table = Table(
            title=_title(str(protocol)),
            caption=_caption(str(protocol), synthetic=synthetic),
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("model")
        for metric in HEADS:
            table.add_column(HEADS[metric], justify="right", no_wrap=True)
        for target, column in TARGETS.items():
            table.add_row(f"[bold]{column.label}, {column.unit}[/bold]")
            for i, (_, cell) in enumerate(cells.iterrows()):
                shown = ("\n".join(_values(cell, target, metric)) for metric in HEADS)
                table.add_row(f"  {cell['title']}", *shown, end_section=i == len(cells) - 1)
        yield table


def markdown(rows: pd.DataFrame, pairs: pd.DataFrame, *, titles: Mapping[str, str], synthetic: bool) -> str:
    """The same tables in Markdown, and who is better."""
    lines = []
    for protocol, cells in rows.groupby("protocol", sort=False):
        lines += [f"### {_title(str(protocol))}", ""]
        lines += [f"| target | model | {' | '.join(HEADS.values())} |", f"|---|---|{'---:|' * len(HEADS)}"]
        for target, column in TARGETS.items():
            for _, cell in cells.iterrows():
                shown = " | ".join(" ".join(_values(cell, target, metric)) for metric in HEADS)
                lines.append(f"| {column.label}, {column.unit} | {cell['title']} | {shown} |")
        caption = _caption(str(protocol), synthetic=synthetic).replace("\n", "; ")
        lines += ["", caption[0].upper() + caption[1:] + ".", ""]
    if not pairs.empty:
        lines += [
            "### Who is better",
            "",
            "| protocol | target | smallest error first | surely better than the control |",
        ]
        lines += ["|---|---|---|---|"]
        lines += [f"| {' | '.join(line).replace('~', '&#126;')} |" for line in _standings(pairs, titles=titles)]
        lines += ["", (ORDER[0].upper() + ORDER[1:] + ".").replace("\n", ". ")]
    return "\n".join(lines)


def _standings(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Protocol, target, the models in the order of their error, and those surely better than the control."""
    for protocol, of in pairs.groupby("protocol", sort=False):
        for target, line in orders(of, titles=titles).items():
            beat = of[(of["target"] == target) & (of["other"] == CONTROL) & of["different"] & (of["high"] < 0)]
            sure = ", ".join(titles.get(str(name), str(name)) for name in beat["model"]) or "none"
            yield str(protocol), TARGETS[target].label, line, sure


def order(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> Iterator[Table]:
    """The models of each protocol and target in the order of their error, for a terminal, and which are told apart.

    ``pairs`` is ``results/compare/pairs.csv``; ``titles`` the models' names for people.
    """
    from rich.table import Table

    table = Table(
        title="Who is better",
        caption=ORDER,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("protocol")
    table.add_column("target")
    table.add_column("smallest error first")
    table.add_column("surely better than the control")
    before = None
    for protocol, *rest in _standings(pairs, titles=titles):
        if before not in (None, protocol):
            table.add_section()
        table.add_row("" if protocol == before else protocol, *rest)
        before = protocol
    yield table


def orders(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> dict[str, str]:
    """One line a target for one protocol, such as ``CrabNet ~ MODNet < RF@Magpie < Control``."""
    lines = {}
    for target, of in pairs.groupby("target", sort=False):
        mae, apart = standing(of)
        line = titles.get(next(iter(mae)), next(iter(mae)))
        for better, name in itertools.pairwise(mae):
            line += f" {'<' if frozenset((better, name)) in apart else '~'} {titles.get(name, name)}"
        lines[str(target)] = line
    return lines


def _title(protocol: str) -> str:
    return f"{protocol_named(protocol).title} ({protocol})"


def _caption(protocol: str, *, synthetic: bool) -> str:
    over = f"mean ± standard deviation over {protocol_named(protocol).averaged_over}"
    text = f"{over}; in brackets: on 2-sigma-filtered rows\nSMAE = MAE / MAE of the control on unfiltered rows"
    return f"{text}\n{SYNTHETIC}" if synthetic else text


def _values(cell: pd.Series[Any], target: str, metric: str) -> tuple[str, str]:
    """A metric with its spread, and in brackets on filtered rows."""
    whole, filtered = (value_of(cell, f"{target}/{metric}{suffix}", metric) for suffix in ("", "_2sigma"))
    return whole, f"({filtered})"


def value_of(cell: Mapping[str, Any] | pd.Series[Any], key: str, metric: str) -> str:
    """The value ``key`` of a row of ``results/compare/table.csv`` with its spread, in the digits of ``metric``."""
    value, spread = cell[key], cell[f"{key} spread"]
    if pd.isna(value):
        return "-"
    digits = 1 if abs(value) >= 10 or (metric == "mae" and abs(value) >= 5) else 3
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    shown = f"{round(value, digits) + 0.0:.{digits}f}"
    return shown if pd.isna(spread) else f"{shown} ± {spread:.{digits}f}"
