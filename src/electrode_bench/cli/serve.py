"""The command serve: the registered model over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from electrode_bench.cli.options import USE_PANEL, Options
from electrode_bench.cli.output import note

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
def serve(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(show_default=False, help="The registered model; by default the promoted one.")
    ] = "models:/electrodes@champion",
    host: Annotated[
        str, typer.Option(help="The address to listen on. Any other than this computer's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 5002,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ELECTRODE_BENCH_TOKEN", show_default="no token", show_envvar=True,
            help="What programs must send in the header Authorization: Bearer, at least 12 characters. A variable is "
            "safer than an option, which other users of this computer can see.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long an answer may take.")] = 60.0,
) -> None:  # fmt: skip
    """Serve the promoted model over HTTP, as `mlflow models serve` does, with limits.

    Requests are limited in size, rows and time, and must name this computer in their Host header.

    Examples:

    electrode-bench serve

    ELECTRODE_BENCH_TOKEN=a-long-secret electrode-bench serve models:/electrodes/3 --host 0.0.0.0
    """
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    from electrode_bench.app import run, scoring
    from electrode_bench.app.limits import Limits
    from electrode_bench.tracking.scoring import fetched

    given: Options = context.obj
    access = run.access_for(host, token or None)
    limits = replace(Limits(), seconds=seconds)
    listener = run.listening(host, port)
    with listener, tempfile.TemporaryDirectory(prefix="electrode-bench-") as folder:
        worker = scoring.worker(fetched(given.project, model, Path(folder)), limits)
        try:
            worker.ready()
            address = run.address(host, listener.getsockname()[1])
            note(f"{model} answers at {address}invocations. Ctrl-C ends the server.")
            run.serve(scoring.create_scoring(worker, access, limits), limits, listener)
        finally:
            worker.close()
