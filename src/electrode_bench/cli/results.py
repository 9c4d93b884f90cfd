"""The commands results ...: what a reader gets who has not the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from electrode_bench.cli.console import say
from electrode_bench.cli.options import Options

_PANEL = "Results, settings and data"

app = typer.Typer()
results_app = typer.Typer(help="Pass results on.", no_args_is_help=True)
app.add_typer(results_app, name="results", rich_help_panel=_PANEL)


@results_app.callback()
def results() -> None:
    """Pass results on."""


@results_app.command("export")
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Is made; must be empty if it exists.", metavar="FOLDER")],
    rows: Annotated[
        bool, typer.Option("--rows", help="Also electrodes, folds, predictions and the report, which has them inside.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write tables, figures, records of all runs, settings and provenance to a folder.

    Without --rows the folder holds no electrode, so that it may be passed on whatever the licence of the data is.
    `electrode-bench trace ... --results FOLDER` shows what a number in it was made from.

    Example: electrode-bench results export docs/results/2023.11.1
    """
    from electrode_bench.tasks.export import export as task

    given: Options = context.obj
    done = task(given.project, folder, rows=rows, force=force)
    say(f"{done.files} files ({done.size / 1e6:.1f} MB) in {done.folder}; README.md there says what they are")
