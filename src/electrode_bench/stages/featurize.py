"""featurize: the composition of each electrode -> one feature set's table."""

from __future__ import annotations

from typing import Any

from electrode_bench import params
from electrode_bench.artifacts import digest_frame, read_table, write_table
from electrode_bench.errors import UserError, nearest
from electrode_bench.features import COMPOSITION_COLUMNS, FEATURE_SETS, featurize
from electrode_bench.layout import Layout
from electrode_bench.schema import ID


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
