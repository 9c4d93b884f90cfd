"""featurize: the composition of each electrode -> a table for each feature set."""

from __future__ import annotations

from typing import Any

from electrode_bench import params
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.digests import digest_frame
from electrode_bench.core.schema import ID
from electrode_bench.features import FEATURE_SETS, columns_read, featurize, listed
from electrode_bench.project import Project


def run_all(project: Project, choice: params.Featurize) -> list[dict[str, Any]]:
    """Write the table of every feature set in params.yaml, and remove other ones; return what :func:`run` returns.

    One process for all of them: loading the libraries takes longer than computing the features of the snapshot.
    """
    names = listed(choice)
    made = [run(project, choice, feature_set=name) for name in names]
    files = {project.paths.features(name) for name in names}
    for path in sorted(project.paths.features(names[0]).parent.glob("*.parquet")) if names else []:
        if path not in files:
            path.unlink()
    return made


def run(project: Project, choice: params.Featurize, *, feature_set: str) -> dict[str, Any]:
    """Write ``results/featurize/<feature_set>.parquet``; return its shape and digest."""
    title = FEATURE_SETS[feature_set].title
    table = project.table().set_index(ID)
    read = list(columns_read(feature_set, composition=choice.composition))
    features = featurize(
        table[read],
        feature_set=feature_set,
        composition=choice.composition,
        atomic_packing=choice.atomic_packing,
        cache=project.paths.cache / "features",
    )
    write_table(features.rename_axis(ID).reset_index(), project.paths.features(feature_set))
    return {
        "feature_set": feature_set,
        "title": title,
        "rows": len(features),
        "features": features.shape[1],
        "formulas": len(table[read].drop_duplicates()),
        "digest": digest_frame(features),
    }
