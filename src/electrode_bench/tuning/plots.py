"""Optuna's plots of a study on one HTML page."""

from __future__ import annotations

import warnings
from typing import Any

from electrode_bench.tuning.stored_study import StoredStudy
from electrode_bench.tuning.summary import importance_evaluator, importances


def plots_page(study: StoredStudy) -> str:
    """The plots that the study has enough trials for, on a page that needs no network."""
    from optuna import visualization
    from plotly.offline import get_plotlyjs

    has_complete, two, error = bool(study.complete()), study.has_two_objectives, "error (SMAE)"
    shown: dict[str, Any] = {"target": (lambda trial: trial.values[0]) if two else None, "target_name": error}
    figures: dict[str, Any] = {}
    with warnings.catch_warnings():
        # Optuna marks some of its plots as experimental.
        warnings.simplefilter("ignore")
        if has_complete:
            figures["History"] = visualization.plot_optimization_history(study.optuna, **shown)
        if importances(study):
            figures["Parameter importances"] = visualization.plot_param_importances(
                study.optuna, evaluator=importance_evaluator(), **shown
            )
        if has_complete:
            figures["Parallel coordinates"] = visualization.plot_parallel_coordinate(study.optuna, **shown)
        if two and has_complete:
            names = [error, "seconds per fold"]
            figures["Pareto front of error and time"] = visualization.plot_pareto_front(
                study.optuna, target_names=names
            )
    parts = [
        f"<h2>{title}</h2>{figure.update_layout(title=None).to_html(full_html=False, include_plotlyjs=False)}"
        for title, figure in figures.items()
    ] or ["<p>No trial is complete.</p>"]
    head = f'<meta charset="utf-8"><title>{study.name}</title><script>{get_plotlyjs()}</script>'
    style = "<style>body{font-family:sans-serif;margin:1.5rem}</style>"
    body = f"<h1>{study.name}</h1>{''.join(parts)}"
    return f"<!doctype html><html lang=en><head>{head}{style}</head><body>{body}</body></html>"
