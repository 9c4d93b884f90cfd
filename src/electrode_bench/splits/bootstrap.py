"""Bootstrap: training rows drawn with replacement at a ladder of sizes, tested on the rows not drawn (out of bag)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID
from electrode_bench.core.seeds import derive
from electrode_bench.splits.base import Protocol, in_order


class Bootstrap(Strict):
    """Options of the bootstrap."""

    sizes: list[Annotated[float, Field(gt=0, le=1)]] = Field(default=[0.0625, 0.125, 0.25, 0.5, 1.0], min_length=1)
    """Ladder of training sizes, as fractions of all rows, drawn with replacement."""
    repeats: PositiveInt = 5
    """Bootstrap samples of each size."""


def make(table: pd.DataFrame, clusters: pd.Series, options: Bootstrap, seed: int) -> Iterator[Fold]:  # noqa: ARG001
    """The folds; see :class:`~electrode_bench.splits.base.Protocol`."""
    rows = in_order(table)
    ids = rows[ID].to_numpy()
    for size in training_sizes(len(ids), options):
        for repeat in range(options.repeats):
            rng = np.random.default_rng(derive(seed, "bootstrap", size, repeat))
            drawn = np.sort(rng.integers(len(ids), size=size))
            out_of_bag = np.setdiff1d(np.arange(len(ids)), drawn)
            yield Fold("bootstrap", f"n{size:05d}-r{repeat:02d}", tuple(ids[drawn]), tuple(ids[out_of_bag]))


def training_sizes(rows: int, options: Bootstrap) -> list[int]:
    """The ladder in rows, ascending, each at least 2."""
    return sorted({max(2, round(rows * fraction)) for fraction in options.sizes})


def largest_size(sizes: Mapping[str, int]) -> list[str]:
    """The folds of the largest training size: smaller ones are points of the learning curve, not repeats of it."""
    largest = max(sizes.values(), default=0)
    return [key for key, size in sizes.items() if size == largest]


PROTOCOL = Protocol(
    name="bootstrap",
    title="Bootstrap, out of bag",
    question="on what random draws left out, at the largest training size",
    config=Bootstrap,
    make=make,
    headline=largest_size,
    averaged_over="the repeats of the largest training size",
)
