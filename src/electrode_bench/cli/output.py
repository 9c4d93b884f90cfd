"""What the commands print: text or JSON on stdout; warnings and progress bars on stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from electrode_bench.cli.console import err, out, say

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType
    from rich.table import Table

    from electrode_bench.exported import Exported
    from electrode_bench.project import Project
    from electrode_bench.report.leaderboard import Leaderboard


def warn(text: str) -> None:
    """Print a warning on stderr, without wrapping it."""
    err().print(text, style="yellow", soft_wrap=True)


class _Warnings(logging.Handler):
    """Prints what the package logs, such as a damaged cache, as warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def show_log() -> None:
    """Print the warnings that the package logs in this process. Those of workers reach stderr without this."""
    log = logging.getLogger("electrode_bench")
    if not any(isinstance(handler, _Warnings) for handler in log.handlers):
        log.addHandler(_Warnings(logging.WARNING))


def note(text: str) -> None:
    """Print a remark on stderr, without wrapping it."""
    err().print(text, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON: numbers with 12 digits, NaN and infinities as null."""
    from electrode_bench.core.artifacts import plain

    say(json.dumps(plain(value), indent=2))


def print_result(value: Any, text: RenderableType, *, as_json: bool) -> None:
    """Print ``value`` as JSON, or else ``text``."""
    if as_json:
        print_json(value)
    else:
        # A path or a formula may look like markup.
        out().print(text, soft_wrap=True, highlight=False, markup=False)


def print_comparison(
    results: Project | Exported, tables: Mapping[str, pd.DataFrame], *, costs: pd.DataFrame, as_json: bool
) -> None:
    """Print the study's table, the order of the models, what they cost, and which protocols were left out.

    Parameters
    ----------
    tables : those of ``results/compare`` by name: ``table``, ``pairs``, ``ceilings`` and ``coverage``.
    costs : what folds took (:func:`electrode_bench.fitting.costs.fold_costs`).
    """
    from electrode_bench.report import costs as error_cost
    from electrode_bench.report import tables as text
    from electrode_bench.report import uncertainty

    table, pairs, ceilings = tables["table"], tables["pairs"], tables["ceilings"]

    synthetic, left_out = results.synthetic(), results.left_out()
    if as_json:
        rows = {"rows": table, "pairs": pairs, "ceilings": ceilings, "costs": costs}
        as_records = {name: each.to_dict("records") for name, each in rows.items()}
        print_json({"synthetic": synthetic, **as_records, "left_out": left_out})
        return
    titles = dict(zip(table["model"], table["title"], strict=True))
    headline = text.headline(table, ceilings=ceilings, synthetic=synthetic)
    for shown in (*headline, *text.order(pairs, titles=titles)):
        out().print(shown)
    if len(costs):
        out().print(error_cost.table(error_cost.error_and_cost(table, costs)))
    for line in uncertainty.lines(tables["coverage"], level=results.params().intervals.level, titles=titles):
        out().print(line, soft_wrap=True, highlight=False)
    for line in text.left_out(left_out):
        out().print(line, soft_wrap=True, highlight=False)


def print_leaderboard(board: Leaderboard, *, left_out: Mapping[str, str], more: str) -> None:
    """Print the leaderboard, which protocols were left out, and where to find more."""
    from electrode_bench.report import leaderboard, tables

    for part in leaderboard.terminal(board):
        out().print(part, highlight=False)
    for line in tables.left_out(left_out):
        out().print(line, soft_wrap=True, highlight=False)
    say(more)


def print_settings(rows: list[dict[str, Any]], table: Table, *, as_json: bool) -> None:
    """Print settings; each row has the columns of ``table`` in order. Values are shown as in params.yaml."""
    for row in rows:
        table.add_row(*(json.dumps(shown) if key == "value" else shown for key, shown in row.items()))
    print_result(rows, table, as_json=as_json)


@contextmanager
def progress_bar(title: str, *, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left, updated by calls with (done, total). Nothing is shown without a terminal."""
    from rich import progress

    console = err()
    columns = (
        progress.TextColumn("{task.description}", markup=False), progress.BarColumn(), progress.MofNCompleteColumn(),
        progress.TextColumn(unit), progress.TimeElapsedColumn(), progress.TextColumn("left:"),
        progress.TimeRemainingColumn(),
    )  # fmt: skip
    with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """A spinner for work of unknown length. Nothing is shown without a terminal."""
    console = err()
    if not console.is_terminal:
        yield
        return
    from rich.text import Text

    with console.status(Text(title)):
        yield
