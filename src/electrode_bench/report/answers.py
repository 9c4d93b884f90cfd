"""Predictions as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS
from electrode_bench.inference.predictor import Answer, Estimate, Neighbour
from electrode_bench.report.numbers import compact
from electrode_bench.report.terminal import titled

if TYPE_CHECKING:
    from rich.table import Table


def prediction_tables(answers: Iterable[Answer], *, title: str, protocol: str, synthetic: bool) -> Iterator[Table]:
    """One table for each answer: the targets with their intervals, then the nearest known electrodes.

    Parameters
    ----------
    title : the model's name for people.
    protocol : the protocol whose errors the intervals are taken from.
    """
    for answer in answers:
        heading = f"[bold]{answer.formula}[/bold], {answer.working_ion} electrode, predicted by {title}"
        table = titled(heading, list(_notes(answer, protocol)), synthetic=synthetic)
        table.add_column("")
        table.add_column("ElMD", justify="right")
        for column in TARGETS.values():
            table.add_column(f"{column.label}\n{column.unit}", justify="right")
        values = [with_interval(e) for e in answer.targets.values()]
        table.add_row("predicted", "", *values, end_section=True)
        for known in answer.neighbours:
            name = known.formula if known.electrodes == 1 else f"{known.formula}, mean of {known.electrodes}"
            values = [_known_value(known, target) for target in TARGETS]
            table.add_row(f"known: {name}", f"{known.distance:.2f}", *values)
        yield table


def _notes(answer: Answer, protocol: str) -> Iterator[str]:
    if any(estimate.low is not None for estimate in answer.targets.values()):
        yield (
            f"in brackets: the {answer.level:.0%} prediction interval, from this model's errors under {protocol} folds"
        )
    yield (f"Faraday limit, all {answer.working_ion} extracted: {answer.theoretical_capacity:.1f} {GRAVIMETRIC.unit}")
    if answer.share is not None:
        yield (
            f"extracted share: {answer.share.value:.0%}; the probability of full extraction is "
            f"{answer.share.full_extraction:.0%}"
        )
    if answer.outside is None:
        yield (
            f"within the applicability domain: the nearest known electrode is {answer.nearest_distance:.2f} away, "
            f"the limit is {answer.reach:.2f}"
        )
    yield from answer.notes


def with_interval(estimate: Estimate) -> str:
    """A predicted value, and in brackets its interval if there is one."""
    if estimate.low is None or estimate.high is None:
        return compact(estimate.value)
    return f"{compact(estimate.value)} ({compact(estimate.low)} to {compact(estimate.high)})"


def _known_value(known: Neighbour, target: str) -> str:
    """The value of a known composition; for several electrodes the mean, and in brackets the range."""
    mean = compact(known.targets[target])
    if known.electrodes == 1:
        return mean
    return f"{mean} ({compact(known.lowest[target])} to {compact(known.highest[target])})"
