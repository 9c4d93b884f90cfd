"""What a protocol is: how training and test sets are drawn, and what the errors on them tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID
from electrode_bench.errors import UserError


def never(table: pd.DataFrame, options: Any) -> None:
    """The answer of protocols that can be made of every table."""


def all_folds(sizes: Mapping[str, int]) -> list[str]:
    """Every fold, whatever its training size: the headline rule of protocols with equal folds."""
    return list(sizes)


@dataclass(frozen=True)
class Protocol:
    """How models are validated.

    Parameters
    ----------
    name : as in params.yaml, the name of the protocol's module.
    title : name for people.
    question : what an error under this protocol answers, as the end of "how good ...".
    config : options in params.yaml under ``split.<name>``.
    make : (table, cluster label by electrode id, options, root seed) -> folds. Works on rows in the order of their ids,
        so that shuffling the table changes nothing. Each electrode is in the training or test set of at least one fold.
    headline : training size by fold -> the folds that the headline is averaged over.
    averaged_over : what these folds are, for captions.
    why_left_out : (table, options) -> why there are no folds for a table that lacks what the protocol needs, in one
        line; None where there are folds.
    """

    name: str
    title: str
    question: str
    config: type[Strict]
    make: Callable[[pd.DataFrame, pd.Series, Any, int], Iterator[Fold]]
    headline: Callable[[Mapping[str, int]], list[str]] = all_folds
    averaged_over: str = "folds"
    why_left_out: Callable[[pd.DataFrame, Any], str | None] = never


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The table's rows in the order of their ids."""
    return table.sort_values(ID, ignore_index=True)


def numbered_folds(
    protocol: str, ids: np.ndarray, splits: Iterable[tuple[np.ndarray, np.ndarray]], *, prefix: str = ""
) -> Iterator[Fold]:
    """Folds ``fold-0``, ``fold-1``, ... from pairs of (training, test) positions in ``ids``, after ``prefix``."""
    for i, (train, test) in enumerate(splits):
        yield Fold(protocol, f"{prefix}fold-{i}", tuple(ids[train]), tuple(ids[test]))


def require_at_least(rows: int, folds: int, protocol: str, *, what: str = "rows") -> None:
    """Raise a UserError when there are fewer rows (or groups) than folds."""
    if rows < folds:
        raise UserError(
            f"{protocol} cannot make {folds} folds of {rows} {what}; lower split.{protocol}.folds in params.yaml"
        )
