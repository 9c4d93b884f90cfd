"""Addresses of MLflow's pages, relative to the page itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import quote

#: Without it MLflow opens its pages for language models.
_TRAINING = "workflowType=machine_learning"

#: The search that finds current runs.
CURRENT = "tags.current = 'true'"


def run_link(experiment: str, run_id: str) -> str:
    """The page of a run."""
    return f"#/experiments/{experiment}/runs/{run_id}?{_TRAINING}"


def artifact_link(experiment: str, run_id: str, name: str) -> str:
    """A file of a run."""
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts/{name}?{_TRAINING}"


def runs_link(experiment: str, query: str, *, by: str | None = None) -> str:
    """The runs of an experiment that a search finds: the newest first, or by the metric ``by``, the smallest first.

    Newest first, MLflow folds runs into the runs that they are children of; ordered by a metric they are a flat list.
    """
    order = "" if by is None else f"&orderByKey={quote(f'metrics.`{by}`')}&orderByAsc=true"
    return f"#/experiments/{experiment}/runs?{_TRAINING}&searchFilter={quote(query)}{order}"


def charts_link(experiment: str, query: str) -> str:
    """The runs that a search finds side by side: bar charts of every metric, grouped by target."""
    return f"{runs_link(experiment, query)}&compareRunsMode=CHART"


def comparison_link(experiment: str, runs: Iterable[str]) -> str:
    """Runs side by side, with parallel coordinates over their parameters."""
    ids, experiments = (quote(json.dumps(list(values), separators=(",", ":"))) for values in (runs, [experiment]))
    # MLflow finds the runs only where they come first.
    return f"#/compare-runs?runs={ids}&experiments={experiments}&{_TRAINING}"


def folds_query(run_id: str) -> str:
    """The search that finds the folds of a run."""
    return f"tags.mlflow.parentRunId = '{run_id}'"
