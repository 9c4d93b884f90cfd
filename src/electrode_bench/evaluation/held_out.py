"""Held-out rows: what a model predicted for rows that it was not trained on, with what intervals are made from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.data import chemistry


def described(table: pd.DataFrame) -> pd.DataFrame:
    """What intervals read of each electrode, by its id: composition, ion, limit.

    ``composition`` is the reduced discharged formula and ``limit`` the gravimetric capacity of full extraction (mAh/g).

    Parameters
    ----------
    table : the canonical table.
    """
    ion = table["working_ion"].to_numpy()
    limit = [chemistry.full_capacity(*pair) for pair in zip(table[FORMULA], ion, strict=True)]
    composition = table[FORMULA].map(chemistry.canonical).to_numpy()
    return pd.DataFrame({"composition": composition, "ion": ion, "limit": limit}, index=table[ID].to_numpy())


def distances(folds: Iterable[Fold], electrodes: pd.DataFrame) -> pd.Series:
    """How far each test row's composition is from the nearest training composition.

    Parameters
    ----------
    folds : of any protocols.
    electrodes : see :func:`described`.

    Returns
    -------
    Series by protocol, fold and electrode id: the ElMD to the nearest composition of the training rows, 0 if it is
    among them; infinite if the composition has an element that none of them has.
    """
    composition = electrodes["composition"]
    distinct = sorted(set(composition))
    position = composition.map({formula: i for i, formula in enumerate(distinct)})
    cumulative = elmd.cumulative(distinct)
    present = np.diff(cumulative, axis=1, prepend=0.0) > 0
    kept = tuple(folds)
    trains = [np.unique(position[list(fold.train_ids)]) for fold in kept]
    tests = [np.unique(position[list(fold.test_ids)], return_inverse=True) for fold in kept]
    choices = [(test, train) for (test, _), train in zip(tests, trains, strict=True)]
    parts = []
    for fold, (test, rows), train, nearest in zip(
        kept, tests, trains, elmd.nearest_among(cumulative, choices), strict=True
    ):
        # An element that no training row has: the distance alone does not show it.
        nearest[(present[test] & ~present[train].any(axis=0)).any(axis=1)] = np.inf
        index = pd.MultiIndex.from_product([[fold.protocol], [fold.key], fold.test_ids], names=["protocol", "fold", ID])
        parts.append(pd.Series(nearest[rows], index=index))
    return pd.concat(parts).rename("distance") if parts else pd.Series(dtype=float, name="distance")


def held_out(run: Run, electrodes: pd.DataFrame, distance: pd.Series) -> pd.DataFrame:
    """The rows of a run, one for each test row of each fold.

    Parameters
    ----------
    electrodes : see :func:`described`.
    distance : see :func:`distances`.

    Returns
    -------
    DataFrame with protocol, fold, electrode_id, composition, ion, limit, distance; ``<target>_true``, ``<target>`` and
    ``<target>_std``; and ``share_at_most_<threshold>`` for a model that predicts the distribution of the extracted
    share.
    """
    keys = ["fold", ID]
    wide = run.predictions.pivot(index=keys, columns="target", values=["y_true", "y_pred", "y_std"])
    columns = {
        name: wide[(of, target)]
        for target in TARGETS
        for of, name in (("y_true", f"{target}_true"), ("y_pred", target), ("y_std", f"{target}_std"))
    }
    rows = pd.DataFrame(columns).reset_index()
    if len(run.share):
        rows = rows.merge(run.share, on=keys, validate="one_to_one")
    rows.insert(0, "protocol", run.protocol)
    of = electrodes.loc[rows[ID]]
    for position, column in enumerate(electrodes.columns, start=3):
        rows.insert(position, column, of[column].to_numpy())
    where = pd.MultiIndex.from_frame(rows[["protocol", "fold", ID]])
    rows.insert(6, "distance", distance.reindex(where).to_numpy(dtype=float))
    return rows
