"""Folds: which electrodes a model is trained on, and which it is tested on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.core.digests import digest
from electrode_bench.core.schema import ID


@dataclass(frozen=True)
class Fold:
    """One training set and the rows it is scored on, as electrode ids, never positions.

    ``train_ids`` may repeat an id (bootstrap); ``test_ids`` may not; the two share none.

    Raises
    ------
    ValueError
        When a part is empty, a test id repeats, or an id stands on both sides.
    """

    protocol: str
    key: str
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        where = f"fold {self.key} of {self.protocol}"
        if not self.train_ids or not self.test_ids:
            raise ValueError(f"{where} has {len(self.train_ids)} training and {len(self.test_ids)} test rows")
        if len(set(self.test_ids)) != len(self.test_ids):
            raise ValueError(f"{where} repeats a test id")
        shared = set(self.train_ids) & set(self.test_ids)
        if shared:
            raise ValueError(f"{where} has {len(shared)} ids on both sides, {min(shared)} first")


@dataclass(frozen=True)
class FoldResult:
    """What one fold left behind.

    ``predictions`` has the columns electrode_id, target, y_pred, y_std (in the target's unit);
    ``cost`` is what it took (seconds, peak memory, device): it never enters a DVC output.
    """

    key: str
    predictions: pd.DataFrame
    cost: Mapping[str, float | str]


def to_frame(folds: Iterable[Fold]) -> pd.DataFrame:
    """Folds as a long table: protocol, fold, part, electrode_id, repeat (how often the id stands there)."""
    parts = []
    for fold in folds:
        for part, ids in (("train", fold.train_ids), ("test", fold.test_ids)):
            unique, repeat = np.unique(np.array(ids, dtype=object), return_counts=True)
            parts.append(
                pd.DataFrame({"protocol": fold.protocol, "fold": fold.key, "part": part, ID: unique, "repeat": repeat})
            )
    return pd.concat(parts, ignore_index=True)


def from_frame(frame: pd.DataFrame) -> dict[str, tuple[Fold, ...]]:
    """The folds of each protocol from their long table; the inverse of :func:`to_frame` up to the order of ids."""
    folds: dict[str, list[Fold]] = {}
    for names, rows in frame.groupby(["protocol", "fold"], sort=False):
        protocol, key = map(str, names)
        sides = {
            str(part): tuple(np.repeat(side[ID].to_numpy(), side["repeat"].to_numpy()))
            for part, side in rows.groupby("part")
        }
        folds.setdefault(protocol, []).append(Fold(protocol, key, sides.get("train", ()), sides.get("test", ())))
    return {protocol: tuple(of) for protocol, of in folds.items()}


def digests(folds: Iterable[Fold]) -> dict[str, str]:
    """One SHA-256 a protocol, over its folds and their ids in order: equal digests, equal folds."""
    by_protocol: dict[str, list[str]] = {}
    for fold in folds:
        by_protocol.setdefault(fold.protocol, []).append(fold_digest(fold))
    return {protocol: digest(sorted(of)) for protocol, of in by_protocol.items()}


def fold_digest(fold: Fold) -> str:
    """SHA-256 of one fold: its name and the sorted ids of both sides."""
    return digest([fold.protocol, fold.key, sorted(fold.train_ids), sorted(fold.test_ids)])
