"""The command predict: answers for formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.candidates_page import Page, say_written, write_page
from electrode_bench.cli.console import out
from electrode_bench.cli.options import USE_PANEL, Ion, Json, Options, Own
from electrode_bench.cli.output import print_json, warn

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
    page: Page = None,
    as_json: Json = False,
) -> None:
    """Predict electrodes from their discharged formulas, with intervals, limits and the nearest known electrodes.

    Each answer begins with the composition as it was read. The best model comes first; then all models side by side.

    Examples:

    electrode-bench predict LiFePO4 NaFePO4

    electrode-bench predict LiFePO4 --charged FePO4

    electrode-bench predict "LiNi1/3Mn1/3Co1/3O2" --neighbours 5

    electrode-bench predict LiFePO4 LiMnPO4 LiCoPO4 --page olivines.html

    electrode-bench predict LiAlSiO4 --ion Li --model crabnet --json
    """
    from electrode_bench.errors import UserError
    from electrode_bench.inference import pair
    from electrode_bench.report.candidates.write import check_page

    given: Options = context.obj
    if page is not None:
        check_page(page)
    if charged is not None:
        if len(formulas) > 1:
            raise UserError("--charged belongs to one discharged formula; give one")
        ion = pair.ion_of_pair(formulas[0], charged, ion)
    formulas, refused = _usable(formulas, ion=ion)
    # Fitting the project's models means to hear them.
    chosen = given.answering(model=model, own=own or fit_all)
    predicted = chosen.predictor.predict(formulas, ion=ion, neighbours=neighbours)
    if charged is not None:
        predicted = [pair.with_pair(predicted[0], charged, chosen)]
    missing: list[str] = []
    if not as_json:
        # The first answer is shown before the other models are loaded, which may take seconds.
        _print_answer(predicted[0], chosen)
    if model is None and not chosen.pretrained:
        predicted, missing = _with_all_models(given.project, chosen, predicted, ion=ion, fit=fit_all)
    pages = [] if page is None else _write_page(page, formulas, chosen, given.project_of(chosen), ion=ion)
    if as_json:
        print_json(_record(chosen, predicted) | ({"errors": refused} if refused else {}))
    else:
        _print_rest(predicted, chosen, missing=missing)
        say_written(pages)
    if refused:
        for message in refused:
            warn(f"error: {message}")
        raise typer.Exit(2)


def _usable(formulas: Sequence[str], *, ion: str | None) -> tuple[list[str], list[str]]:
    """The formulas that can be used, and why the others cannot.

    Raises
    ------
    UserError
        When none can be used.
    """
    from electrode_bench.errors import UserError
    from electrode_bench.inference.compositions import compositions, working_ion

    usable, refused = [], []
    for formula in formulas:
        try:
            compositions([formula], [working_ion(formula, ion)])
        except UserError as error:
            refused.append(str(error))
        else:
            usable.append(formula)
    if not usable:
        raise UserError("; ".join(refused))
    return usable, refused


def _write_page(
    page: Path, formulas: Sequence[str], chosen: FittedModel, project: Project | None, *, ion: str | None
) -> list[Path]:
    """The formulas as a screening of all of them, on a page."""
    import pandas as pd

    from electrode_bench.inference.screened import Options as Ranking
    from electrode_bench.inference.screening import screen
    from electrode_bench.tracking.provenance import code_version

    lines = range(1, len(formulas) + 1)
    candidates = pd.DataFrame({"line": lines, "formula": list(formulas), "working_ion": None}, dtype=object)
    screened = screen([candidates], chosen.predictor, Ranking(top=len(formulas), ion=ion))
    return write_page(page, screened, chosen, project, code=code_version())


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
