"""Protocols: how training and test sets are drawn. Each is one module that assigns ``PROTOCOL``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from electrode_bench.core.config import Strict, validate
from electrode_bench.core.folds import Fold
from electrode_bench.core.registry import Registry
from electrode_bench.core.schema import ID
from electrode_bench.errors import UserError
from electrode_bench.params import Split
from electrode_bench.splits.base import Protocol, all_folds

__all__ = [
    "NEW_COMPOSITION",
    "PROTOCOLS",
    "Protocol",
    "all_folds",
    "configure",
    "for_new_compositions",
    "for_sweep",
    "headline_folds",
    "headline_keys",
    "left_out",
    "make_folds",
    "protocol",
    "used",
]

#: Every protocol by name.
PROTOCOLS: Registry[Protocol] = Registry("electrode_bench.splits", "PROTOCOL", kind="protocol")

#: Protocols whose errors stand for the errors on a new composition, best first. Grouped folds are best: they never have
#: a formula in both training and test.
NEW_COMPOSITION = ("grouped", "stratified")


def protocol(name: str) -> Protocol:
    """The protocol of this name, or a UserError that has the nearest one."""
    return PROTOCOLS[name]


def for_new_compositions(available: Iterable[str]) -> str | None:
    """The protocol among ``available`` that best stands for new compositions; None when none of them does."""
    available = set(available)
    return next((name for name in NEW_COMPOSITION if name in available), None)


def for_sweep(name: str, *, where: str) -> Protocol:
    """The protocol of a sweep's outer or inner folds.

    Raises
    ------
    UserError
        When it is unknown, or its folds have several training sizes, which cannot be averaged; ``where`` says what
        named it.
    """
    chosen = protocol(name)
    if chosen.headline is not all_folds:
        raise UserError(f"{where}: the folds of {name} have several training sizes; choose another protocol")
    return chosen


def used(split: Split) -> tuple[str, ...]:
    """The protocols that params.yaml lists, in its order.

    Raises
    ------
    UserError
        When a protocol is unknown, or has a wrong option.
    """
    for name in {*(split.protocols or ()), *split.options}:
        configure(name, split.options.get(name, {}))
    return PROTOCOLS.names if split.protocols is None else tuple(split.protocols)


def configure(name: str, values: Mapping[str, Any] | Strict, *, where: str = "params.yaml") -> Strict:
    """``values`` (``split.<name>`` of params.yaml) as the protocol's own options."""
    given = values.model_dump() if isinstance(values, Strict) else values
    return validate(protocol(name).config, given, where=f"{where}, split.{name}")


def make_folds(table: pd.DataFrame, clusters: pd.Series, split: Split, *, seed: int) -> tuple[Fold, ...]:
    """The folds of every protocol that params.yaml lists, but for those that are left out (:func:`left_out`).

    Parameters
    ----------
    table : the canonical table, one row for each electrode.
    clusters : cluster label of each electrode, indexed by electrode id; -1 is noise.
    """
    missing = set(table[ID]) - set(clusters.index)
    if missing:
        raise UserError(
            f"{len(missing)} electrodes have no place on the map ({min(missing)} first); run: dvc repro map"
        )
    return tuple(
        fold
        for name in used(split)
        for fold in protocol(name).make(table, clusters, configure(name, split.options.get(name, {})), seed)
    )


def left_out(table: pd.DataFrame, split: Split) -> dict[str, str]:
    """The protocols of params.yaml that this table has no folds for, each with the reason in one line."""
    reasons = {
        name: protocol(name).why_left_out(table, configure(name, split.options.get(name, {}))) for name in used(split)
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def headline_keys(name: str, sizes: Mapping[str, int]) -> list[str]:
    """The folds of a protocol that its headline is averaged over, from their training sizes by key."""
    return protocol(name).headline(sizes)


def headline_folds(folds: Iterable[Fold]) -> list[str]:
    """The folds of one protocol that its headline is averaged over."""
    folds = tuple(folds)
    if not folds:
        return []
    return headline_keys(folds[0].protocol, {fold.key: len(fold.train_ids) for fold in folds})
