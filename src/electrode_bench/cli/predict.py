"""The command predict: answers for formulas."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from electrode_bench.cli.options import USE_PANEL, Ion, Json, Model, Options
from electrode_bench.cli.output import note, out, print_json

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
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
