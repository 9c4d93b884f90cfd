"""map: features -> a map of the compositions, its clusters and their representatives."""

from __future__ import annotations

from typing import Any

from electrode_bench import params
from electrode_bench.clustering import maps
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.outputs import write_record
from electrode_bench.project import Project


def run(project: Project, choice: params.Map, *, seed: int) -> dict[str, Any]:
    """Write ``results/map``; return the map's summary."""
    map_frame, summary = maps.build(project.table(), project.features(choice.features), choice, seed=seed)
    write_record(summary, project.paths.map_summary)
    write_table(map_frame, project.paths.map)
    return summary


def describe(summary: dict[str, Any]) -> str:
    """The map in two lines."""
    named = ", ".join(f"{c['cluster']}: {c['representative_formula']}" for c in summary["clusters"])
    wanted = "" if summary["clusters_wanted"] is None else f"{summary['clusters_wanted']} aimed at, "
    notes = "".join(f"\nnote: {note}" for note in summary["notes"])
    return (
        f"{summary['method']} of {summary['n_compositions']:,} compositions: {summary['n_clusters']} clusters "
        f"({wanted}eps {summary['eps']:.3g}), {summary['noise_share_electrodes']:.1%} of the electrodes are noise\n"
        f"ElMD representatives: {named}{notes}"
    )
