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

    ``train_ids`` may repeat an id (bootstrap), ``test_ids`` may not, and they have none in common.

    Raises
    ------
    ValueError
        When a part is empty, a test id repeats, or an id is in both parts.
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
            raise ValueError(f"{where} shares {len(shared)} ids between training and test, {min(shared)} first")


@dataclass(frozen=True)
class FoldResult:
    """The result of one fold.

    Attributes
    ----------
    predictions : columns electrode_id, target, y_pred, y_std (in the target's unit).
    resources : what the fit took (seconds, peak memory, device). It is never part of a DVC output.
    share : electrode_id and the columns ``schema.share_column(threshold)``: the cumulative distribution of the
        extracted share; None for a model that does not predict it.
    share_values : the share that stands for each interval between thresholds (see ``models.Prediction``).
    """

    key: str
    predictions: pd.DataFrame
    resources: Mapping[str, float | str]
    share: pd.DataFrame | None = None
    share_values: tuple[float, ...] | None = None


def first_repeat(folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """The first folds of one protocol that test no electrode twice: the first repeat where folds are repeated."""
    chosen: list[Fold] = []
    tested: set[str] = set()
    for fold in folds:
        if tested.isdisjoint(fold.test_ids):
            chosen.append(fold)
            tested.update(fold.test_ids)
    return tuple(chosen)


def to_frame(folds: Iterable[Fold]) -> pd.DataFrame:
    """Folds as a long table: protocol, fold, part, electrode_id, repeat (how often the id is in it)."""
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
        ids = {
            str(part): tuple(np.repeat(part_rows[ID].to_numpy(), part_rows["repeat"].to_numpy()))
            for part, part_rows in rows.groupby("part")
        }
        folds.setdefault(protocol, []).append(Fold(protocol, key, ids.get("train", ()), ids.get("test", ())))
    return {protocol: tuple(of_protocol) for protocol, of_protocol in folds.items()}


def digests(folds: Iterable[Fold]) -> dict[str, str]:
    """SHA-256 of the folds of each protocol, whatever their order and that of their ids."""
    by_protocol: dict[str, list[str]] = {}
    for fold in folds:
        by_protocol.setdefault(fold.protocol, []).append(fold_digest(fold))
    return {protocol: digest(sorted(of_folds)) for protocol, of_folds in by_protocol.items()}


def fold_digest(fold: Fold) -> str:
    """SHA-256 of one fold: its name and the sorted ids of both parts."""
    return digest([fold.protocol, fold.key, sorted(fold.train_ids), sorted(fold.test_ids)])
