"""Answers about compositions, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.inference.answer import Answer, Estimate, ModelAnswer, Neighbour, PairAnswer
from electrode_bench.inference.reading import Reading
from electrode_bench.report.numbers import compact, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from electrode_bench.inference.chosen import FittedModel

#: What the distance to a known electrode is, in a sentence.
ELMD = (
    "ElMD is the distance between two compositions: how many places each atom moves, on average, on the modified "
    "Pettifor scale of the elements (LiFePO4 to LiMnPO4: 0.14)"
)


def answer_blocks(answer: Answer, *, title: str) -> Iterator[RenderableType]:
    """What the first model says of one composition: how it was read, the numbers, the nearest known electrodes.

    Parameters
    ----------
    title : the model's name for people.
    """
    from rich.text import Text

    said = f", {answer.working_ion} electrode, predicted by {title}"
    yield Text.assemble("\n", (answer.formula, "bold"), said)
    if answer.reading is not None:
        yield Text(f"read as {_reading(answer.reading)}")
    yield _numbers(answer)
    if answer.pair is not None:
        yield _pair(answer, answer.pair)
    if answer.neighbours:
        yield _known(answer)
    elif answer.outside is None:
        yield Text("within the applicability domain", style="dim")


def models_block(models: Sequence[ModelAnswer]) -> Iterator[RenderableType]:
    """What all models say, best first; nothing for a single model."""
    if len(models) < 2:
        return
    table = _table()
    table.add_column("All models, best first")
    for column in TARGETS.values():
        table.add_column(column.unit, justify="right", no_wrap=True)
    for said in models:
        table.add_row(said.title, *(with_interval(estimate) for estimate in said.targets.values()))
    yield table


def missing_block(missing: Sequence[str]) -> Iterator[RenderableType]:
    """A line on the models that are not yet fitted on all rows, by their titles."""
    from rich.text import Text

    if missing:
        verb = "is" if len(missing) == 1 else "are"
        yield Text(f"\n{', '.join(missing)} {verb} not shown: not yet fitted on all rows, which --all does.")


def notes_block(notes: Iterable[str]) -> Iterator[RenderableType]:
    """Notes as a list."""
    from rich.table import Table
    from rich.text import Text

    items = Table.grid(padding=(0, 1))
    for note in notes:
        items.add_row("-", Text(note, style="yellow" if note.startswith("outside") else ""))
    if items.row_count:
        yield items


def explanations(answers: Sequence[Answer], chosen: FittedModel) -> Iterator[RenderableType]:
    """What the numbers of all answers mean.

    Parameters
    ----------
    chosen : the model that answers.
    """
    from rich.text import Text

    lines = [model_line(chosen)]
    ends = [(e.low, e.high) for answer in answers for e in answer.targets.values() if e.low is not None]
    if ends or any(len(answer.models) > 1 for answer in answers):
        lines.append(
            f"The {answers[0].level:.0%} prediction intervals are taken from each model's errors: under "
            f"{chosen.protocol} folds within the applicability domain, under the other protocols outside it."
        )
    if any(compact(low) == compact(high) for low, high in ends if low is not None and high is not None):
        lines.append("Where both ends of an interval are equal, so was the true value in most similar cases.")
    if any(answer.neighbours for answer in answers):
        lines.append(f"{ELMD}.")
    yield Text("\n" + "\n".join(lines), style="dim")
    if chosen.synthetic:
        yield Text(SYNTHETIC_NOTICE, style="yellow")


def model_line(chosen: FittedModel) -> str:
    """Which model answers, and what it was fitted on."""
    if not chosen.pretrained:
        return f"{chosen.title} was fitted on all electrodes of this project."
    return (
        f"{chosen.title} was fitted on release {chosen.data['release']} of the Materials "
        "Project. It does not contain the electrodes, so known ones are neither shown nor recognised."
    )


def with_interval(estimate: Estimate) -> str:
    """A predicted value, and in brackets its interval if there is one."""
    interval = _interval(estimate)
    return f"{compact(estimate.value)} ({interval})" if interval else compact(estimate.value)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{compact(estimate.low)} to {compact(estimate.high)}"


def _reading(reading: Reading) -> str:
    electrons = f"{reading.electrons:.3g} electron{'' if reading.electrons == 1 else 's'} per formula unit"
    return f"{reading.reduced_formula}; {electrons}; {reading.states}"


def _numbers(answer: Answer) -> Table:
    table = _table()
    table.add_column("")
    table.add_column("predicted", justify="right")
    has_interval = answer.no_interval is None
    if has_interval:
        table.add_column(f"{answer.level:.0%} interval", justify="right")
    table.add_column("")
    rows = [
        (column.label, compact(estimate.value), _interval(estimate), column.unit)
        for column, estimate in ((TARGETS[key], answer.targets[key]) for key in TARGETS)
    ]
    rows += [
        ("Specific energy", compact(answer.specific_energy), "", "Wh/kg"),
        ("Energy density", compact(answer.energy_density), "", "Wh/L"),
        ("Capacity of full extraction", f"{answer.theoretical_capacity:.1f}", "", f"{GRAVIMETRIC.unit} (Faraday)"),
    ]
    if answer.share is not None:
        rows.append(("Extracted share", percent(answer.share.value), "", f"of the {answer.working_ion}"))
        rows.append(("Probability of full extraction", percent(answer.share.full_extraction), "", ""))
    for label, value, interval, unit in rows:
        table.add_row(label, value, *([interval] if has_interval else []), unit)
    return table


def _pair(answer: Answer, pair: PairAnswer) -> Table:
    table = _table(f"Charged to {pair.charged_formula}: another setting, in which the capacity is known")
    for heading in ("", "value", "", ""):
        table.add_column(heading, justify="right" if heading else "left")
    voltage = pair.average_voltage
    rows = (
        (GRAVIMETRIC.label, compact(pair.gravimetric_capacity), GRAVIMETRIC.unit, "exact (Faraday)"),
        (VOLUMETRIC.label, compact(pair.volumetric_capacity), VOLUMETRIC.unit, "with the predicted density"),
        (VOLTAGE.label, with_interval(voltage), VOLTAGE.unit, "predicted"),
        ("Specific energy", compact(pair.specific_energy), "Wh/kg", ""),
        ("Energy density", compact(pair.energy_density), "Wh/L", ""),
        ("Extracted share", percent(pair.extracted_share), f"of the {answer.working_ion}", pair.states),
    )
    for row in rows:
        table.add_row(*row)
    table.caption = pair.source
    return table


def _known(answer: Answer) -> Table:
    table = _table()
    table.add_column("Nearest known electrodes")
    table.add_column("ElMD", justify="right", no_wrap=True)
    for column in TARGETS.values():
        table.add_column(column.unit, justify="right", no_wrap=True)
    for known in answer.neighbours:
        name = known.formula
        if known.electrodes > 1:
            name += f", mean of {known.electrodes}\n  lowest to highest"
        table.add_row(name, f"{known.distance:.2f}", *(_known_value(known, target) for target in TARGETS))
    if answer.outside is None:
        table.caption = (
            f"within the applicability domain: the nearest is {answer.nearest_distance:.2f} away, the limit is "
            f"{answer.reach:.2f}"
        )
    return table


def _known_value(known: Neighbour, target: str) -> str:
    """The value of a known composition; for several electrodes the mean, and below it the range."""
    mean = compact(known.targets[target])
    if known.electrodes == 1:
        return mean
    return f"{mean}\n{compact(known.lowest[target])} to {compact(known.highest[target])}"


def _table(title: str | None = None) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", caption_justify="left")
