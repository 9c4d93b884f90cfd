"""The protocols: functions that turn a table and its clusters into folds, and how folds are kept.

A protocol works on rows in the order of their ids, so that shuffling the table changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import digest, read_table
from electrode_bench.core.schema import FORMULA, ID, TARGETS, Fold
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError, nearest
from electrode_bench.params import Bootstrap, KFold, Split

NOISE = -1

Protocol = Callable[[pd.DataFrame, pd.Series, Split, int], Iterator[Fold]]


def stratified(table: pd.DataFrame, clusters: pd.Series, params: Split, seed: int) -> Iterator[Fold]:
    """Stratified k-fold: each fold has its share of every stratum. A formula may stand on both sides."""
    from sklearn.model_selection import StratifiedKFold

    rows = _in_order(table)
    strata = _strata(rows, clusters, params.stratified)
    _enough(len(rows), params.stratified.folds, "stratified")
    splitter = StratifiedKFold(params.stratified.folds, shuffle=True, random_state=derive(seed, "stratified") % 2**31)
    yield from _folds("stratified", rows[ID].to_numpy(), splitter.split(strata, strata))


def grouped(table: pd.DataFrame, clusters: pd.Series, params: Split, seed: int) -> Iterator[Fold]:
    """Stratified k-fold that keeps a discharged formula, however it is written, on one side."""
    from sklearn.model_selection import StratifiedGroupKFold

    from electrode_bench.data.chemistry import canonical

    rows = _in_order(table)
    strata = _strata(rows, clusters, params.grouped)
    groups = np.array([canonical(f) for f in rows[FORMULA]])
    _enough(len(set(groups)), params.grouped.folds, "grouped", what="distinct formulas")
    splitter = StratifiedGroupKFold(params.grouped.folds, shuffle=True, random_state=derive(seed, "grouped") % 2**31)
    yield from _folds("grouped", rows[ID].to_numpy(), splitter.split(strata, strata, groups))


def loco(table: pd.DataFrame, clusters: pd.Series, params: Split, seed: int) -> Iterator[Fold]:  # noqa: ARG001
    """Leave one cluster out. Noise rows always train and are never a test fold."""
    rows = _in_order(table)
    ids = rows[ID].to_numpy()
    label = clusters.loc[ids].to_numpy()
    found = sorted(set(label.tolist()) - {NOISE})
    if len(found) < 2 and not (found and (label == NOISE).any()):
        raise UserError(
            f"leave-one-cluster-out needs two clusters, the map has {len(found)}; "
            "lower map.dbscan.min_samples or map.dbscan.eps in params.yaml"
        )
    for cluster in found:
        test = label == cluster
        yield Fold("loco", f"cluster-{cluster:02d}", tuple(ids[~test]), tuple(ids[test]))


def bootstrap(table: pd.DataFrame, clusters: pd.Series, params: Split, seed: int) -> Iterator[Fold]:  # noqa: ARG001
    """Training rows drawn with replacement at a ladder of sizes, scored on the rows not drawn (out of bag)."""
    rows = _in_order(table)
    ids = rows[ID].to_numpy()
    for size in bootstrap_sizes(len(ids), params.bootstrap):
        for repeat in range(params.bootstrap.repeats):
            rng = np.random.default_rng(derive(seed, "bootstrap", size, repeat))
            drawn = np.sort(rng.integers(len(ids), size=size))
            out_of_bag = np.setdiff1d(np.arange(len(ids)), drawn)
            yield Fold("bootstrap", f"n{size:05d}-r{repeat:02d}", tuple(ids[drawn]), tuple(ids[out_of_bag]))


def bootstrap_sizes(rows: int, params: Bootstrap) -> list[int]:
    """The ladder in rows, ascending, each at least 2."""
    return sorted({max(2, round(rows * fraction)) for fraction in params.sizes})


#: Every protocol by name, in the order in which tables show them.
PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {"stratified": stratified, "grouped": grouped, "loco": loco, "bootstrap": bootstrap}
)

#: What each protocol asks, for people.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "stratified": "Stratified k-fold",
        "grouped": "Stratified k-fold, a formula on one side",
        "loco": "Leave one cluster out",
        "bootstrap": "Bootstrap, out of bag",
    }
)


def known(protocol: str) -> str:
    """``protocol``, or a UserError that tells the nearest known one."""
    if protocol not in PROTOCOLS:
        raise UserError(f"unknown protocol '{protocol}'; {nearest(protocol, PROTOCOLS)}")
    return protocol


def all_folds(table: pd.DataFrame, clusters: pd.Series, params: Split, *, seed: int) -> tuple[Fold, ...]:
    """The folds of every protocol.

    Parameters
    ----------
    table : the canonical table, one row an electrode.
    clusters : cluster label of each electrode, indexed by electrode id; -1 is noise.
    """
    missing = set(table[ID]) - set(clusters.index)
    if missing:
        raise UserError(
            f"{len(missing)} electrodes have no place on the map ({min(missing)} first); run: dvc repro map"
        )
    return tuple(fold for make in PROTOCOLS.values() for fold in make(table, clusters, params, seed))


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


def read_folds(path: Path) -> dict[str, tuple[Fold, ...]]:
    """The folds of each protocol from ``results/split/folds.parquet``."""
    return from_frame(read_table(path, made_by="split"))


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(ID, ignore_index=True)


def _strata(rows: pd.DataFrame, clusters: pd.Series, params: KFold) -> np.ndarray:
    """A stratum label a row. Strata too small to reach every fold are put together into one."""
    if params.by == "cluster":
        label = clusters.loc[rows[ID]].astype(str).to_numpy()
    elif params.by in TARGETS:
        label = pd.qcut(rows[params.by].rank(method="first"), params.quantiles, labels=False).astype(str).to_numpy()
    else:
        label = rows[params.by].to_numpy()
    names, counts = np.unique(label, return_counts=True)
    small = set(names[counts < params.folds])
    merged = np.array(["small strata" if name in small else name for name in label])
    names, counts = np.unique(merged, return_counts=True)
    if len(names) > 1 and counts[names == "small strata"].sum() in range(1, params.folds):
        merged[merged == "small strata"] = names[np.argmax(np.where(names == "small strata", 0, counts))]
    return merged


def _folds(protocol: str, ids: np.ndarray, splits: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[Fold]:
    for i, (train, test) in enumerate(splits):
        yield Fold(protocol, f"fold-{i}", tuple(ids[train]), tuple(ids[test]))


def _enough(rows: int, folds: int, protocol: str, *, what: str = "rows") -> None:
    if rows < folds:
        raise UserError(
            f"{protocol} cannot make {folds} folds of {rows} {what}; lower split.{protocol}.folds in params.yaml"
        )
