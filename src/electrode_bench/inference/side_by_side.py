"""Several models on one composition: what each says, and where they disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from electrode_bench.core.schema import TARGETS, Column
from electrode_bench.inference.answer import Answer, Estimate, ModelAnswer
from electrode_bench.inference.chosen import FittedModel


def side_by_side(answers: Sequence[Answer], models: Sequence[tuple[FittedModel, Sequence[Answer]]]) -> list[Answer]:
    """The answers of the first model, with what all models say and notes on where they disagree.

    Parameters
    ----------
    answers : of the first model, one for each composition.
    models : each model with its answers to the same compositions, best first.
    """
    together = []
    for i, answer in enumerate(answers):
        said = tuple(_of_model(model, of_model[i]) for model, of_model in models)
        notes = (*answer.notes, *_disagreements(said))
        together.append(replace(answer, models=said, notes=notes))
    return together


def _of_model(model: FittedModel, answer: Answer) -> ModelAnswer:
    return ModelAnswer(
        model=model.name,
        title=model.title,
        targets=answer.targets,
        extracted_share=answer.targets["gravimetric_capacity"].value / answer.theoretical_capacity,
        full_extraction=answer.share.full_extraction if answer.share else None,
    )


def _disagreements(said: Sequence[ModelAnswer]) -> Iterator[str]:
    """A note for each target on which another model contradicts the first by more than both intervals suggest.

    Two models contradict each other where neither predicts a value within the interval of the other.
    """
    if not said:
        return
    first, *rest = said
    for target, column in TARGETS.items():
        best = first.targets[target]
        against = [other for other in rest if _contradict(best, other.targets[target])]
        if against:
            values = ", ".join(f"{_value(other.targets[target], column)} by {other.title}" for other in against)
            yield (
                f"the models disagree on the {column.label.lower()} by more than their intervals suggest: "
                f"{_value(best, column)} by {first.title}, but {values}"
            )


def _contradict(one: Estimate, other: Estimate) -> bool:
    return _outside(one.value, other) and _outside(other.value, one)


def _outside(value: float, interval: Estimate) -> bool:
    if interval.low is None or interval.high is None:
        return False
    return not interval.low <= value <= interval.high


def _value(estimate: Estimate, column: Column) -> str:
    return f"{estimate.value:.3g} {column.unit}"
