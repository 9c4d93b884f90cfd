"""What a chemist should know of an answer besides its numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from electrode_bench.inference.ions import candidate_ions

#: An extracted share below which an answer says what the share means.
_PARTLY = 0.95


def notes(row: Mapping[str, Any], *, reads_ion: bool, asked_for: str | None = None) -> Iterator[str]:
    """The notes on a row of :meth:`electrode_bench.inference.predictor.Predictor.evaluate`.

    Parameters
    ----------
    reads_ion : whether the model reads the working ion.
    asked_for : the working ion that the user named.
    """
    formula, ion = row["formula"], row["working_ion"]
    yield from row["reading"].notes
    candidates = candidate_ions(formula)
    if asked_for and asked_for != ion:
        yield f"{formula} contains no {asked_for}; its working ion is {ion}"
    if len(candidates) > 1:
        others = " or ".join(other for other in candidates if other != ion)
        yield f"{others} might move as well; this answer is for {ion}"
        if not reads_ion:
            every = " or ".join(candidates)
            yield f"the model reads only the composition: its prediction is the same whether {every} moves"
    share = row.get("extracted_share")
    if share is not None and share < _PARTLY:
        yield (
            f"the predicted share of {ion}, {share:.0%}, follows computed pairs of structures in the database; "
            "a cell may be charged further"
        )
    if row["outside"]:
        yield f"outside the applicability domain: {row['outside']}"
    if row["no_interval"]:
        yield row["no_interval"]
    if row["above_limit"]:
        yield "the predicted capacity is above the Faraday limit, which is an error of the model"


def why_no_interval(missing: bool, fitted_on: int, outside: str | None) -> str | None:
    """Why an answer has no interval; None where it has one.

    Parameters
    ----------
    missing : whether the calibration gave none.
    fitted_on : how many training electrodes have the composition.
    outside : why the composition is outside the applicability domain.
    """
    if fitted_on:
        electrodes = f"{fitted_on} electrode{'s' if fitted_on > 1 else ''}"
        return f"in the training data ({electrodes}): the interval does not apply"
    if not missing:
        return None
    return "too unlike the known electrodes for an interval" if outside else "too few known errors for an interval"
