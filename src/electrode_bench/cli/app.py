"""The command app: a local web page for predictions."""

from __future__ import annotations

from typing import Annotated

import typer

from electrode_bench.cli.options import USE_PANEL, Model, Options, Own
from electrode_bench.cli.output import note

app = typer.Typer()


@app.command("app", rich_help_panel=USE_PANEL)
def serve_app(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="The address to listen on. Any other than this computer's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8017,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ELECTRODE_BENCH_TOKEN", show_default="no token", show_envvar=True,
            help="What people must enter to use the app, at least 12 characters. A variable is safer than an option, "
            "which other users of this computer can see.",
        ),
    ] = None,
    model: Model = None,
    own: Own = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:  # fmt: skip
    """Predict electrodes on a local web page: paste formulas or drop a file, see answers and figures, download tables.

    The page stays open until the command is ended with Ctrl-C. Formulas are sent nowhere but to this computer.

    Examples:

    electrode-bench app --open

    ELECTRODE_BENCH_TOKEN=a-long-secret electrode-bench app --host 0.0.0.0
    """
    from electrode_bench.app import run
    from electrode_bench.app.limits import Limits
    from electrode_bench.app.server import create_app
    from electrode_bench.app.service import Loaded, Service
    from electrode_bench.inference.chosen import others
    from electrode_bench.report.candidates.shown import known_map

    given: Options = context.obj
    access = run.access_for(host, token or None)

    def load() -> Loaded:
        chosen = given.answering(model=model, own=own)
        project = given.project_of(chosen)
        return Loaded(chosen, known_map(project), lambda: others(project, chosen)[0] if project else ())

    listener = run.listening(host, port)
    service = Service(load, limits=Limits(), about=run.about)
    address = run.address(host, listener.getsockname()[1])
    note(f"Open {address} in a browser. Ctrl-C ends the app.")
    if open_browser:
        typer.launch(address)
    run.serve(create_app(service, access), service.limits, listener)
