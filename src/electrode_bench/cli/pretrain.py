"""The command pretrain: the model that the package brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from electrode_bench.cli.console import say
from electrode_bench.cli.options import USE_PANEL, Json, Model, Options
from electrode_bench.cli.output import print_json

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
def pretrain(
    context: typer.Context,
    model: Model = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the data, for the model card.", show_default="what data.dvc says")
    ] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder to write.", show_default="the package's own")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the pre-trained model of the package from a model of this project, fitted on real data.

    It holds no electrode of the data: no formula and no target value.

    Example: electrode-bench pretrain --model boosting --licence "CC BY 4.0"
    """
    from electrode_bench.inference.pretrained import FOLDER
    from electrode_bench.tasks import pretrain as task

    given: Options = context.obj
    made = task.run(given.project, model=model, licence=licence, out=out_folder or FOLDER)
    if as_json:
        print_json({"folder": str(made.folder), "model": made.model, "rows": made.rows, "bytes": made.size})
        return
    say(f"{made.title}, fitted on {made.rows:,} electrodes: {made.folder} ({made.size / 1e6:.1f} MB)")
