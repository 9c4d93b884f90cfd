"""The command screen: candidates, ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from electrode_bench.cli.candidates_page import Page, say_written, write_page
from electrode_bench.cli.console import out, say
from electrode_bench.cli.options import USE_PANEL, Ion, Json, Model, Options, Own
from electrode_bench.cli.output import print_json, progress_bar

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
def screen(
    context: typer.Context,
    candidates: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, Excel or parquet file with a column `formula` (and optionally `working_ion`), "
            "or a text file with one formula per line."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many candidates to keep.")] = 50,
    objective: Annotated[
        str,
        typer.Option(
            help="energy (Wh/kg), energy_density (Wh/L), or one of the three targets. Energies are those of a cathode "
            "against the pure metal of the working ion."
        ),
    ] = "energy",
    rank: Annotated[
        str,
        typer.Option(
            help="Order by: lower (the lower end of the 90% interval), value (the prediction itself), or probability "
            "(of exceeding the goal)."
        ),
    ] = "lower",
    goal: Annotated[
        float | None, typer.Option(help="A goal in the unit of the objective.", show_default="no goal")
    ] = None,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="Keep only candidates whose predicted voltage (V) is within it.",
            show_default="all voltages",
        ),
    ] = None,
    ion: Ion = None,
    in_domain: Annotated[
        bool, typer.Option("--in-domain", help="Exclude candidates outside the applicability domain.")
    ] = False,
    model: Model = None,
    own: Own = False,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="CSV or parquet to write.", show_default="<candidates>.screened.csv")
    ] = None,
    page: Page = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a result that was made with other options.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", min=1, envvar="ELECTRODE_BENCH_WORKERS", show_default="all cores",
            help="Processes that share the work. The result is the same for any number.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Rank a list of candidates of any length, and find the Pareto front of energy and voltage.

    Anodes are not told from cathodes: every energy is that of a cathode against the pure metal of the working ion.
    Candidates with a voltage below 1 V are marked, and are not on the Pareto front.

    Examples:

    electrode-bench screen candidates.csv --top 50 --objective energy

    electrode-bench screen candidates.xlsx --rank probability --goal 600

    electrode-bench screen candidates.csv --page candidates.html

    electrode-bench screen candidates.parquet --ion Li --window 2 4.5 --in-domain --out best.parquet
    """
    from electrode_bench.inference import screened
    from electrode_bench.report import screening
    from electrode_bench.report.candidates.write import check_page
    from electrode_bench.tasks import screen as task

    given: Options = context.obj
    if page is not None:
        check_page(page)
    with progress_bar(candidates.name, unit="formulas") as progress:
        made = task.run(
            candidates,
            lambda: given.answering(model=model, own=own),
            screened.Options(objective, rank, goal, top, window, ion, in_domain),
            out=out_file,
            force=force,
            workers=workers,
            progress=progress,
        )
    result = made.screened
    pages = (
        []
        if page is None
        else write_page(
            page,
            made.screened,
            made.model,
            given.project_of(made.model),
            code=made.record["code"],
            rejects=made.rejects,
        )
    )
    if as_json:
        print_json(
            {
                "model": made.model.name,
                "pretrained": made.model.pretrained,
                "read": result.read,
                "rejected": result.rejected,
                "duplicates": result.duplicates,
                "filtered": result.filtered,
                "outside_domain": result.outside_domain,
                "kept": result.kept,
                "out": str(made.out),
                "record": str(made.record_file) if made.record_file else None,
                "rejects": str(made.rejects) if made.rejects else None,
                "page": [str(path) for path in pages],
                "synthetic": made.model.synthetic,
            }
        )
        return
    out().print(screening.screening_table(result, title=made.model.title, synthetic=made.model.synthetic))
    for line in screening.summary(result, out=made.out, rejects=made.rejects):
        say(line)
    say_written(pages)
