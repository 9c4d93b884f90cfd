"""split: the table and its clusters -> the folds of every protocol, and their digests."""

from __future__ import annotations

from typing import Any

from electrode_bench import params, splits
from electrode_bench.core.artifacts import digest, read_table, write_json, write_table
from electrode_bench.core.schema import ID
from electrode_bench.project import Layout


def run(layout: Layout, choice: params.Split, *, seed: int) -> dict[str, Any]:
    """Write ``results/split``; give the number of folds and the digest of each protocol."""
    table = read_table(layout.table, made_by="prepare")
    clusters = read_table(layout.map, made_by="map").set_index(ID)["cluster"]
    folds = splits.all_folds(table, clusters, choice, seed=seed)
    digests = splits.digests(folds)
    write_table(splits.to_frame(folds), layout.folds)
    write_json({"protocols": digests, "all": digest(digests)}, layout.split_digest)
    return {
        name: {
            "title": splits.TITLES[name],
            "folds": sum(f.protocol == name for f in folds),
            "smallest_test": min(len(f.test_ids) for f in folds if f.protocol == name),
            "largest_test": max(len(f.test_ids) for f in folds if f.protocol == name),
            "digest": digests[name],
        }
        for name in digests
    }
