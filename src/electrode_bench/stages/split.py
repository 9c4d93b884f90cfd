"""split: the table and its clusters -> the folds of every protocol, and their digests."""

from __future__ import annotations

from typing import Any

from electrode_bench import params, splits
from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.digests import digest
from electrode_bench.core.folds import digests, to_frame
from electrode_bench.project import Project


def run(project: Project, choice: params.Split, *, seed: int) -> dict[str, Any]:
    """Write ``results/split``; return the number of folds and the digest of each protocol."""
    folds = splits.make_folds(project.table(), project.clusters(), choice, seed=seed)
    by_protocol = digests(folds)
    write_table(to_frame(folds), project.paths.folds)
    write_json({"protocols": by_protocol, "all": digest(by_protocol)}, project.paths.split_digest)
    return {
        name: {
            "title": splits.protocol(name).title,
            "folds": sum(f.protocol == name for f in folds),
            "smallest_test": min(len(f.test_ids) for f in folds if f.protocol == name),
            "largest_test": max(len(f.test_ids) for f in folds if f.protocol == name),
            "digest": of,
        }
        for name, of in by_protocol.items()
    }
