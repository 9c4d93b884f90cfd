"""Chronological: trained on older electrodes, tested on the newest, as models are used.

A formula is as old as its oldest electrode. The Materials Project gave its ids ascending numbers (``mp-1001925``), so
the smallest number among a formula's electrodes says when the formula first appeared. Ids in letters (``mp-aaaaccyz``)
have no such number. A table with a column ``last_updated`` is ordered by it instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt, model_validator

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.splits.base import Protocol, in_order

#: Column of a table that says when an electrode was last computed. Today's prepared tables have none.
LAST_UPDATED = "last_updated"

# The number of a battery id, before the working ion and the number of a repeated id: mp-1001925_Mg, mp-123_Li~2.
_NUMBER = r"-(\d+)(?:_[A-Za-z]+)?(?:~\d+)?$"


class Chronological(Strict):
    """Options of the chronological protocol."""

    test: Annotated[float, Field(ge=0.01, le=0.9)] = 0.2
    """Share of the electrodes that is tested at each cut-off: those that come directly after it."""
    cutoffs: PositiveInt = 1
    """Number of cut-offs. One tests the newest electrodes; each further one tests those just before."""

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Chronological:
        if self.test * self.cutoffs >= 1:
            raise ValueError(f"{self.cutoffs} cut-offs that test {self.test:g} each leave no electrode to train on")
        return self


def make(table: pd.DataFrame, clusters: pd.Series, options: Chronological, seed: int) -> Iterator[Fold]:  # noqa: ARG001
    """The folds, oldest cut-off first; see :class:`~electrode_bench.splits.base.Protocol`.

    The key says how many percent of the electrodes are older than the cut-off. All electrodes of a formula, and all
    formulas that appeared at the same time, are on one side of it. There is no fold where :func:`why_left_out` has a
    reason.
    """
    if why_left_out(table, options) is not None:
        return
    rows = in_order(table)
    ids, appeared = rows[ID].to_numpy(), _first_appearance(rows).to_numpy()
    starts = _cutoffs(appeared, options)
    for start, end, share in zip(starts, [*starts[1:], len(rows)], _shares(options), strict=True):
        place = np.searchsorted(np.sort(appeared), appeared)
        older, tested = place < start, (place >= start) & (place < end)
        yield Fold("chronological", f"oldest-{round(100 * share, 1):g}", tuple(ids[older]), tuple(ids[tested]))


def why_left_out(table: pd.DataFrame, options: Chronological) -> str | None:
    """Why a table has no chronological folds, in one line; None where it has."""
    when = _when(table)
    if when.isna().any():
        return (
            f"the data has no order in time: {int(when.isna().sum())} of {len(table)} electrode ids have no number "
            f"({table.loc[when.isna().to_numpy(), ID].min()} first)"
        )
    appeared = _first_appearance(table)
    formulas = appeared.index.nunique()
    # Some exports have one id for many electrodes: these numbers say nothing about time.
    if 2 * when.nunique() < formulas:
        return f"the data has no order in time: its {formulas} formulas share {when.nunique()} id numbers"
    starts = [0, *_cutoffs(appeared.to_numpy(), options), len(table)]
    if (np.diff(starts) <= 0).any():
        return "the data is too small for an order in time"
    return None


def _when(table: pd.DataFrame) -> pd.Series:
    """What orders the electrodes: a time, or the number of the id; missing where an id has no number."""
    if LAST_UPDATED in table and table[LAST_UPDATED].notna().all():
        return pd.to_datetime(table[LAST_UPDATED], utc=True)
    number = table[ID].astype(str).str.extract(_NUMBER, expand=False)
    return pd.to_numeric(number).astype("Int64")


def _first_appearance(table: pd.DataFrame) -> pd.Series:
    """For each electrode, in the table's order, when its formula first appeared; indexed by the formula."""
    from electrode_bench.data.chemistry import canonical

    when = _when(table)
    formula = pd.Index([canonical(text) for text in table[FORMULA]], name=FORMULA)
    first: pd.Series = when.set_axis(formula).groupby(level=0).transform("min")
    return first


def _shares(options: Chronological) -> list[float]:
    """Share of the electrodes that is older than each cut-off, ascending."""
    return [1 - options.test * (options.cutoffs - i) for i in range(options.cutoffs)]


def _cutoffs(appeared: np.ndarray, options: Chronological) -> list[int]:
    """Number of electrodes that are older than each cut-off: those nearest to the shares asked for."""
    in_time = np.sort(appeared)
    # Between two electrodes whose formulas appeared at the same time there is no cut-off.
    possible = np.array([0, *(np.flatnonzero(in_time[1:] != in_time[:-1]) + 1)])
    return [int(possible[np.argmin(np.abs(possible - share * len(in_time)))]) for share in _shares(options)]


PROTOCOL = Protocol(
    name="chronological",
    title="Chronological: older electrodes in training, the newest in test",
    question="on the formulas that are added next",
    config=Chronological,
    make=make,
    why_left_out=why_left_out,
)
