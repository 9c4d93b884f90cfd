"""map: features -> a map of the compositions, its clusters and their representatives, and two figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from electrode_bench import params
from electrode_bench.clustering import maps
from electrode_bench.core.artifacts import read_json, read_table, write_json, write_table
from electrode_bench.core.schema import ID
from electrode_bench.errors import UserError, nearest
from electrode_bench.features import FEATURE_SETS
from electrode_bench.project import Layout
from electrode_bench.report import figures
from electrode_bench.stages import featurize


def run(layout: Layout, choice: params.Map, *, seed: int) -> dict[str, Any]:
    """Write ``results/map``; give the map's summary."""
    if choice.features not in FEATURE_SETS:
        hint = nearest(choice.features, FEATURE_SETS)
        raise UserError(f"params.yaml, map.features: unknown feature set '{choice.features}'; {hint}")
    table = read_table(layout.table, made_by="prepare")
    features = featurize.read(layout, feature_set=choice.features, ids=pd.Index(table[ID]))
    synthetic = bool(read_json(layout.card, made_by="prepare")["synthetic"])
    placed, summary = maps.build(table, features, choice, seed=seed)
    figures.write_html(figures.map_figure(placed, table, summary=summary, synthetic=synthetic), layout.map_figure)
    figures.write_html(figures.ion_figure(table, synthetic=synthetic), layout.ions_figure)
    write_json(summary, layout.map_summary)
    write_table(placed, layout.map)
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
