"""featurize: the composition of each electrode -> one feature set's table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from electrode_bench import params
from electrode_bench.core.artifacts import digest_frame, read_table, write_table
from electrode_bench.core.schema import ID
from electrode_bench.errors import UserError, nearest
from electrode_bench.features import COMPOSITION_COLUMNS, FEATURE_SETS, featurize
from electrode_bench.project import Layout


def run(layout: Layout, choice: params.Featurize, *, feature_set: str) -> dict[str, Any]:
    """Write ``results/featurize/<feature_set>.parquet``; give its shape and digest."""
    if feature_set not in FEATURE_SETS:
        raise UserError(f"unknown feature set '{feature_set}'; {nearest(feature_set, FEATURE_SETS)}")
    table = read_table(layout.table, made_by="prepare").set_index(ID)
    parts = table[list(COMPOSITION_COLUMNS[choice.composition])]
    features = featurize(
        parts, feature_set=feature_set, atomic_packing=choice.atomic_packing, cache=layout.cache / "features"
    )
    write_table(features.rename_axis(ID).reset_index(), layout.features(feature_set))
    return {
        "feature_set": feature_set,
        "title": FEATURE_SETS[feature_set].title,
        "rows": len(features),
        "features": features.shape[1],
        "formulas": len(parts.drop_duplicates()),
        "digest": digest_frame(features),
    }


def read(layout: Layout, *, feature_set: str, ids: pd.Index) -> pd.DataFrame:
    """The features that :func:`run` wrote, one row for each of the table's ``ids``, in their order.

    Raises
    ------
    UserError
        When there are none, or they are of other electrodes.
    """
    path, made_by = layout.features(feature_set), f"featurize@{feature_set}"
    frame = read_table(path, made_by=made_by).set_index(ID)
    if set(frame.index) != set(ids):
        raise UserError(f"{path} is of other data than {layout.table}; run: dvc repro {made_by}")
    return frame.loc[ids]
