"""The command predict: answers for formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.options import USE_PANEL, Ion, Json, Options, Own
from electrode_bench.cli.output import out, print_json

if TYPE_CHECKING:
    from electrode_bench.inference.answer import Answer
    from electrode_bench.inference.chosen import FittedModel
    from electrode_bench.project import Project

app = typer.Typer()


@app.command(rich_help_panel=USE_PANEL)
def predict(
    context: typer.Context,
    formulas: Annotated[
        list[str], typer.Argument(metavar="FORMULA...", help="Formulas of discharged electrodes, such as LiFePO4.")
    ],
    ion: Ion = None,
    charged: Annotated[
        str | None,
        typer.Option(
            metavar="FORMULA",
            help="The charged formula, for one discharged formula: the capacity between the two is exact.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Show this model alone.", show_default="all models, the best one first")
    ] = None,
    own: Own = False,
    fit_all: Annotated[
        bool, typer.Option("--all", help="First fit on all rows every model that is not, which may take hours.")
    ] = False,
    neighbours: Annotated[int, typer.Option(min=0, help="How many of the nearest known electrodes to show.")] = 3,
    as_json: Json = False,
) -> None:
    """Predict electrodes from their discharged formulas, with intervals, limits and the nearest known electrodes.

    Each answer begins with the composition as it was read. The best model comes first; then all models side by side.

    Examples:

    electrode-bench predict LiFePO4 NaFePO4

    electrode-bench predict LiFePO4 --charged FePO4

    electrode-bench predict "LiNi1/3Mn1/3Co1/3O2" --neighbours 5

    electrode-bench predict LiAlSiO4 --ion Li --model crabnet --json
    """
    from electrode_bench.errors import UserError
    from electrode_bench.inference import pair

    given: Options = context.obj
    if charged is not None:
        if len(formulas) > 1:
            raise UserError("--charged belongs to one discharged formula; give one")
        ion = pair.ion_of_pair(formulas[0], charged, ion)
    chosen = given.answering(model=model, own=own)
    predicted = chosen.predictor.predict(formulas, ion=ion, neighbours=neighbours)
    if charged is not None:
        predicted = [pair.with_pair(predicted[0], charged, chosen)]
    missing: list[str] = []
    if not as_json:
        # The first answer is shown before the other models are loaded, which may take seconds.
        _print_answer(predicted[0], chosen)
    if model is None and not chosen.pretrained:
        predicted, missing = _with_all_models(given.project, chosen, predicted, ion=ion, fit=fit_all)
    if as_json:
        print_json(_record(chosen, predicted))
    else:
        _print_rest(predicted, chosen, missing=missing)


def _with_all_models(
    project: Project, chosen: FittedModel, predicted: list[Answer], *, ion: str | None, fit: bool
) -> tuple[list[Answer], list[str]]:
    """The answers with all models side by side, and the titles of the models that cannot be shown yet."""
    from electrode_bench.inference.chosen import others
    from electrode_bench.inference.side_by_side import side_by_side

    more, missing = others(project, chosen, fit=fit)
    formulas = [answer.formula for answer in predicted]
    said = [(other, other.predictor.predict(formulas, ion=ion, neighbours=0)) for other in more]
    return side_by_side(predicted, [(chosen, predicted), *said]), missing


def _record(chosen: FittedModel, predicted: Sequence[Answer]) -> dict[str, Any]:
    from electrode_bench.core.schema import GRAVIMETRIC, TARGETS

    units = {name: column.unit for name, column in TARGETS.items()}
    units |= {"theoretical_capacity": GRAVIMETRIC.unit, "specific_energy": "Wh/kg", "energy_density": "Wh/L"}
    return {
        "model": chosen.name,
        "pretrained": chosen.pretrained,
        "data": dict(chosen.data),
        "intervals_from": chosen.protocol,
        "synthetic": chosen.synthetic,
        "units": units,
        "answers": [asdict(answer) for answer in predicted],
    }


def _print_answer(answer: Answer, chosen: FittedModel) -> None:
    from electrode_bench.report import answers

    for block in answers.answer_blocks(answer, title=chosen.title):
        out().print(block)


def _print_rest(predicted: Sequence[Answer], chosen: FittedModel, *, missing: Sequence[str]) -> None:
    """Everything but the first answer's own blocks."""
    from electrode_bench.report import answers

    for i, answer in enumerate(predicted):
        if i > 0:
            _print_answer(answer, chosen)
        for block in (*answers.models_block(answer.models), *answers.notes_block(answer.notes)):
            out().print(block)
    last = (
        *answers.missing_block(missing),
        *answers.explanations(predicted, chosen),
    )
    for block in last:
        out().print(block)
