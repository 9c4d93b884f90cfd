"""Error next to cost: which models no cheaper one beats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.core.rows import records
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.report import numbers

if TYPE_CHECKING:
    from rich.table import Table

#: What the columns of the tables mean.
CAPTION = (
    "Median over folds, measured when they were fitted: processor seconds of the fit, and peak resident memory of its "
    "process with its libraries. An ensemble: the sum of its members' seconds and the largest of their memories"
)

#: Heads of the two columns.
HEADS = ("processor s per fold", "peak memory, MiB")

#: The error that the tables show beside the cost.
ERROR = "SMAE, mean of the targets"

#: Columns of the table for a terminal and in Markdown.
COLUMNS = ("protocol", "model", ERROR, *HEADS, "no cheaper model is better")

#: Fewer processor seconds than this are shown as less.
SHORTEST = 0.01

#: ``target`` of the mean over all targets.
MEAN = "mean"


def error_and_cost(headline: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Error and cost of every model that has both, for each protocol and target and for the mean of the targets.

    The columns are protocol, target, model, title, reads, smae and its standard deviation over folds (``smae_spread``;
    NaN for the mean), cpu_seconds, peak_rss_mb, and ``on_front``: whether no cheaper model has a smaller error. The
    control is never on the front: it is no answer, however cheap.

    Parameters
    ----------
    headline : ``results/compare/table.csv``.
    costs : see :func:`electrode_bench.fitting.costs.fold_costs`.
    """
    about = ["protocol", "model", "title", "reads"]
    smae = [f"{target}/smae" for target in TARGETS]
    parts = [
        headline[about].assign(
            target=target, smae=headline[f"{target}/smae"], smae_spread=headline[f"{target}/smae spread"]
        )
        for target in TARGETS
    ]
    parts.append(headline[about].assign(target=MEAN, smae=headline[smae].mean(axis=1), smae_spread=float("nan")))
    measured = costs[["protocol", "model", "cpu_seconds", "peak_rss_mb"]]
    rows = pd.concat(parts, ignore_index=True).merge(measured, on=["protocol", "model"]).dropna(subset="smae")
    rows["on_front"] = False
    for _, of in rows[rows["model"] != CONTROL].groupby(["protocol", "target"]):
        rows.loc[front(of["cpu_seconds"], of["smae"]), "on_front"] = True
    return rows[
        ["protocol", "target", "model", "title", "reads", "smae", "smae_spread", "cpu_seconds", "peak_rss_mb",
         "on_front"]
    ]  # fmt: skip


def front(cost: pd.Series, error: pd.Series) -> pd.Index:
    """Labels of the Pareto front, cheapest first: no other point is at most as dear and has a smaller error.

    >>> front(pd.Series([1.0, 2.0, 3.0]), pd.Series([0.5, 0.6, 0.4])).tolist()
    [0, 2]
    """
    points = pd.DataFrame({"cost": cost, "error": error}).sort_values(["cost", "error"])
    best = points["error"].cummin().shift(fill_value=float("inf"))
    return points.index[points["error"] < best]


def texts(row: Mapping[str, Any]) -> tuple[str, str]:
    """Processor seconds and peak memory of a row, for :data:`HEADS`."""
    seconds, memory = row["cpu_seconds"], row["peak_rss_mb"]
    shown = f"< {SHORTEST:g}" if seconds < SHORTEST else numbers.significant(seconds)
    return shown, numbers.MISSING if pd.isna(memory) else f"{memory:,.0f}"


def cost_rows(rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The rows of :data:`COLUMNS`: the models of each protocol, the cheapest first.

    Parameters
    ----------
    rows : see :func:`error_and_cost`.
    """
    for protocol, of in rows[rows["target"] == MEAN].groupby("protocol", sort=False):
        for row in records(of.sort_values(["cpu_seconds", "model"])):
            yield str(protocol), row["title"], f"{row['smae']:.3f}", *texts(row), "yes" if row["on_front"] else ""


def table(rows: pd.DataFrame) -> Table:
    """For a terminal: :func:`cost_rows` as a table."""
    from rich.table import Table

    out = Table(title="What a fold costs", caption=CAPTION, title_justify="left", caption_justify="left")
    for name in COLUMNS:
        out.add_column(name, justify="right" if name in (ERROR, *HEADS) else "left")
    previous = None
    for protocol, *rest in cost_rows(rows):
        if previous not in (None, protocol):
            out.add_section()
        out.add_row("" if protocol == previous else protocol, *rest)
        previous = protocol
    return out
