"""What the commands print: text or JSON on stdout; warnings and progress bars on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, RenderableType
    from rich.table import Table

    from electrode_bench.project import Project


def out() -> Console:
    """The console of results."""
    from rich.console import Console

    # A pipe has no width; without one, tables would be cut at 80 columns.
    return Console(width=None if sys.stdout.isatty() else 160)


@lru_cache(maxsize=1)
def err() -> Console:
    """The console of warnings and progress bars: always the same one, so that warnings do not break a bar."""
    from rich.console import Console

    return Console(stderr=True)


def warn(text: str) -> None:
    """Print a warning on stderr, without wrapping it."""
    # A formula such as Li[Mn2]O4, or a path, may look like markup.
    err().print(text, style="yellow", markup=False, soft_wrap=True)


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
    err().print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON: numbers with 12 digits, NaN and infinities as null."""
    from electrode_bench.core.artifacts import plain

    typer.echo(json.dumps(plain(value), indent=2))


def print_result(value: Any, text: RenderableType, *, as_json: bool) -> None:
    """Print ``value`` as JSON, or else ``text``."""
    if as_json:
        print_json(value)
    else:
        # A path or a formula may look like markup.
        out().print(text, soft_wrap=True, highlight=False, markup=False)


def print_comparison(project: Project, tables: Mapping[str, pd.DataFrame], *, as_json: bool) -> None:
    """Print the study's table, the order of the models, and which protocols were left out.

    Parameters
    ----------
    tables : those of ``results/compare`` by name: ``table``, ``pairs``, ``ceilings`` and ``coverage``.
    """
    from electrode_bench.report import tables as text
    from electrode_bench.report import uncertainty

    table, pairs, ceilings = tables["table"], tables["pairs"], tables["ceilings"]

    synthetic, left_out = project.synthetic(), project.left_out()
    if as_json:
        rows = {"rows": table, "pairs": pairs, "ceilings": ceilings}
        as_records = {name: each.to_dict("records") for name, each in rows.items()}
        print_json({"synthetic": synthetic, **as_records, "left_out": left_out})
        return
    titles = dict(zip(table["model"], table["title"], strict=True))
    headline = text.headline(table, ceilings=ceilings, synthetic=synthetic)
    for shown in (*headline, *text.order(pairs, titles=titles)):
        out().print(shown)
    for line in uncertainty.lines(tables["coverage"], level=project.params().intervals.level, titles=titles):
        out().print(line, soft_wrap=True, highlight=False)
    for line in text.left_out(left_out):
        out().print(line, soft_wrap=True, highlight=False)


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
        progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn(),
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
