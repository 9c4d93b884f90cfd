"""Commands of MLflow: the model that it serves, and its page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from electrode_bench.cli.console import say
from electrode_bench.cli.options import USE_PANEL, Json, Model, Options
from electrode_bench.cli.output import print_result
from electrode_bench.cli.server import require_free_port, run_server

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
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

    given: Options = context.obj
    made = task.run(given.project, protocol=protocol, model=model)
    champion = made.champion
    repeated = "" if champion.created else " (promoted before)"
    lines = [f"{made.title} is {champion.uri}, version {champion.version}{repeated}"]
    if made.not_significant:
        targets = ", ".join(made.not_significant)
        lines.append(f"{model_card.NOT_SIGNIFICANT.format(targets)} (see: electrode-bench show)")
    if made.synthetic:
        lines.append(SYNTHETIC_NOTICE)
    lines.append("Serve it: electrode-bench serve")
    value = {
        "model": made.model,
        "protocol": made.protocol,
        **asdict(champion),
        "synthetic": made.synthetic,
        "unsure": list(made.not_significant),
    }
    print_result(value, "\n".join(lines), as_json=as_json)


@app.command(rich_help_panel=USE_PANEL)
def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
    print_only: Annotated[bool, typer.Option("--print", help="Print the command instead of running it.")] = False,
) -> None:
    """Open MLflow's page on the runs of this project.

    Example: electrode-bench ui --port 5001
    """
    from electrode_bench.tracking.ui import pages, ui_command

    given: Options = context.obj
    command = ui_command(given.project, port=port)
    if print_only:
        say(command)
        return
    require_free_port(port)
    compared, listed = pages(given.project, port=port)
    say(f"All current runs side by side, the control first:\n  {compared}")
    say(f"The same runs as a list, with charts:\n  {listed}")
    say("Stop with Ctrl-C")
    raise typer.Exit(run_server(command))
