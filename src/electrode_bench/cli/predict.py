"""Commands that use fitted models: predict, screen, promote, and MLflow's page."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from electrode_bench.cli.options import Ion, Json, Model, Options
from electrode_bench.cli.output import note, out, print_json, print_result, progress_bar
from electrode_bench.cli.server import require_free_port, run_server

app = typer.Typer()

_PANEL = "Use the models"


@app.command(rich_help_panel=_PANEL)
def predict(
    context: typer.Context,
    formulas: Annotated[
        list[str], typer.Argument(metavar="FORMULA...", help="Formulas of discharged electrodes, such as LiFePO4.")
    ],
    ion: Ion = None,
    model: Model = None,
    neighbours: Annotated[int, typer.Option(min=0, help="How many of the nearest known electrodes to show.")] = 3,
    as_json: Json = False,
) -> None:
    """Predict electrodes from their discharged formulas, with intervals, limits and the nearest known electrodes.

    Examples:

    electrode-bench predict LiFePO4 NaFePO4

    electrode-bench predict LiAlSiO4 --ion Li --model crabnet --json
    """
    from electrode_bench.core.schema import GRAVIMETRIC, TARGETS
    from electrode_bench.inference.chosen import choose
    from electrode_bench.report import answers

    given: Options = context.obj
    chosen = choose(given.project, model=model)
    predicted = chosen.predictor.predict(formulas, ion=ion, neighbours=neighbours)
    if as_json:
        units = {name: column.unit for name, column in TARGETS.items()} | {"theoretical_capacity": GRAVIMETRIC.unit}
        print_json(
            {
                "model": chosen.name,
                "intervals_from": chosen.protocol,
                "synthetic": chosen.synthetic,
                "units": units,
                "answers": [asdict(answer) for answer in predicted],
            }
        )
        return
    for answer in predicted:
        if ion is not None and answer.working_ion != ion:
            note(f"{answer.formula} contains no {ion}; its working ion is {answer.working_ion}")
    for table in answers.prediction_tables(
        predicted, title=chosen.title, protocol=chosen.protocol, synthetic=chosen.synthetic
    ):
        out().print(table)


@app.command(rich_help_panel=_PANEL)
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
    from electrode_bench.report import answers
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
    out().print(answers.screening_table(screened, title=made.model.title, synthetic=made.model.synthetic))
    shown = f"; the first {answers.ROWS} are shown above" if kept > answers.ROWS else ""
    typer.echo(f"{screened.read:,} lines, {kept} distinct candidates kept in {made.out}{shown}")
    if made.rejects:
        typer.echo(f"{screened.rejected:,} lines could not be used; the reasons are in {made.rejects}")


@app.command(rich_help_panel=_PANEL)
def promote(
    context: typer.Context,
    model: Model = None,
    protocol: Annotated[str, typer.Option(help="The protocol under which it must beat the control.")] = "grouped",
    as_json: Json = False,
) -> None:
    """Register the best model, fitted on all rows, in MLflow as `electrodes` with the alias `champion`.

    It must beat the control: for every target, the whole 95% interval of the difference in MAE is below zero.

    Examples:

    electrode-bench promote

    electrode-bench promote --model crabnet --protocol loco
    """
    from electrode_bench.data.card import SYNTHETIC_NOTICE
    from electrode_bench.report import model_card
    from electrode_bench.tasks import promote as task
    from electrode_bench.tracking.locations import tracking_uri

    given: Options = context.obj
    made = task.run(given.project, protocol=protocol, model=model)
    champion = made.champion
    repeated = "" if champion.created else " (promoted before)"
    uri = shlex.quote(tracking_uri(given.project))
    lines = [f"{made.title} is {champion.uri}, version {champion.version}{repeated}"]
    if made.not_significant:
        targets = ", ".join(made.not_significant)
        lines.append(f"{model_card.NOT_SIGNIFICANT.format(targets)} (see: electrode-bench show)")
    if made.synthetic:
        lines.append(SYNTHETIC_NOTICE)
    lines.append(
        f"Serve it: MLFLOW_TRACKING_URI={uri} mlflow models serve -m {champion.uri} --env-manager local --port 5002"
    )
    value = {
        "model": made.model,
        "protocol": made.protocol,
        **asdict(champion),
        "synthetic": made.synthetic,
        "unsure": list(made.not_significant),
    }
    print_result(value, "\n".join(lines), as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
    print_only: Annotated[bool, typer.Option("--print", help="Print the command instead of running it.")] = False,
) -> None:
    """Open MLflow's page on the runs of this project.

    Example: electrode-bench ui --port 5001
    """
    from electrode_bench.tracking.ui import page, ui_command

    given: Options = context.obj
    command = ui_command(given.project, port=port)
    if print_only:
        typer.echo(command)
        return
    require_free_port(port)
    typer.echo(f"Open {page(given.project, port=port)}\nStop with Ctrl-C")
    raise typer.Exit(run_server(command))
