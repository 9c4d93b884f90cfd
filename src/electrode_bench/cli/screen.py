"""The command screen: candidates, ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from electrode_bench.cli.options import USE_PANEL, Ion, Json, Model, Options
from electrode_bench.cli.output import out, print_json, progress_bar

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
def screen(
    context: typer.Context,
    candidates: Annotated[
        Path,
        typer.Argument(
            help="CSV or parquet file with a column `formula` (and optionally `working_ion`), "
            "or a text file with one formula per line."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many candidates to keep.")] = 50,
    objective: Annotated[
        str, typer.Option(help="energy (Wh/kg), energy_density (Wh/L), or one of the three targets.")
    ] = "energy",
    window: Annotated[
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Voltages (V) between which the electrolyte is stable."),
    ] = (0.0, 4.3),
    ion: Ion = None,
    in_domain: Annotated[
        bool, typer.Option("--in-domain", help="Exclude candidates outside the applicability domain.")
    ] = False,
    model: Model = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="CSV or parquet to write.", show_default="<candidates>.screened.csv")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rank a list of candidates of any length, and find the Pareto front of energy and voltage.

    Examples:

    electrode-bench screen candidates.csv --top 50 --objective energy

    electrode-bench screen candidates.parquet --ion Li --window 0 4.5 --in-domain --out best.parquet
    """
    from electrode_bench.inference.chosen import choose
    from electrode_bench.report import screening
    from electrode_bench.tasks import screen as task

    given: Options = context.obj
    with progress_bar(candidates.name, unit="formulas") as progress:
        made = task.run(
            candidates,
            lambda: choose(given.project, model=model),
            objective=objective,
            top=top,
            window=window,
            ion=ion,
            in_domain=in_domain,
            out=out_file,
            progress=progress,
        )
    screened, kept = made.screened, len(made.screened.best)
    if as_json:
        print_json(
            {
                "model": made.model.name,
                "read": screened.read,
                "rejected": screened.rejected,
                "kept": kept,
                "out": str(made.out),
                "rejects": str(made.rejects) if made.rejects else None,
                "synthetic": made.model.synthetic,
            }
        )
        return
    out().print(screening.screening_table(screened, title=made.model.title, synthetic=made.model.synthetic))
    shown = f"; the first {screening.ROWS} are shown above" if kept > screening.ROWS else ""
    typer.echo(f"{screened.read:,} lines, {kept} distinct candidates kept in {made.out}{shown}")
    if made.rejects:
        typer.echo(f"{screened.rejected:,} lines could not be used; the reasons are in {made.rejects}")
