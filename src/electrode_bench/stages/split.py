"""split: the table and its clusters -> the folds of every protocol, their digests, and what was left out."""

from __future__ import annotations

from typing import Any

from electrode_bench import params, splits
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.digests import digest
from electrode_bench.core.folds import digests, to_frame
from electrode_bench.core.outputs import write_record
from electrode_bench.errors import UserError
from electrode_bench.project import Project


def run(project: Project, choice: params.Split, *, seed: int) -> dict[str, Any]:
    """Write ``results/split``; return the number of folds and the digest of each protocol, or why it was left out.

    Raises
    ------
    UserError
        When a protocol cannot make its folds, or every protocol was left out.
    """
    table = project.table()
    left_out = splits.left_out(table, choice)
    folds = splits.make_folds(table, project.clusters(), choice, seed=seed)
    if not folds:
        reasons = "; ".join(f"{name} is left out: {reason}" for name, reason in left_out.items())
        raise UserError(f"there are no folds ({reasons}); add a protocol to split.protocols in params.yaml")
    by_protocol = digests(folds)
    write_table(to_frame(folds), project.paths.folds)
    write_record(
        {"protocols": by_protocol, "all": digest(by_protocol), "left_out": left_out}, project.paths.split_digest
    )
    made = {
        name: {
            "title": splits.protocol(name).title,
            "folds": sum(f.protocol == name for f in folds),
            "smallest_test": min(len(f.test_ids) for f in folds if f.protocol == name),
            "largest_test": max(len(f.test_ids) for f in folds if f.protocol == name),
            "digest": of,
        }
        for name, of in by_protocol.items()
    }
    return made | {
        name: {"title": splits.protocol(name).title, "folds": 0, "left_out": reason}
        for name, reason in left_out.items()
    }
