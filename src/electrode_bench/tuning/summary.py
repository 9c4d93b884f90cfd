"""What a study has come to: its trials as a table, a summary in words, and its plots."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.models import search_space
from electrode_bench.models.search_space import Dimension
from electrode_bench.tuning.driver import counted
from electrode_bench.tuning.trial import outcome_of, tried

if TYPE_CHECKING:
    from optuna import Study
    from optuna.importance import BaseImportanceEvaluator
    from optuna.trial import FrozenTrial

#: Complete trials from which importances of parameters say anything.
_ENOUGH = 8


def space(study: Study) -> dict[str, Dimension]:
    """The search space that the study was made with."""
    return search_space.from_json(study.user_attrs.get("space", {}))


def table(study: Study, *, space: Mapping[str, Dimension]) -> pd.DataFrame:
    """One row a trial: number, state, objective, seconds, reason, worker, then its parameters."""
    rows = []
    for trial in study.get_trials(deepcopy=False):
        outcome = outcome_of(trial)
        rows.append(
            {
                "trial": trial.number,
                "state": state(trial),
                "objective": outcome.values[0] if outcome.values else float("nan"),
                "seconds": outcome.seconds,
                "reason": outcome.reason,
                "worker": outcome.worker,
                **{k: str(v) for k, v in tried(trial, space).items()},
            }
        )
    return pd.DataFrame(rows)


def state(trial: FrozenTrial) -> str:
    """How a trial stands, for people: complete, pruned, fail, running, waiting, or given up (and tried again)."""
    return "given up" if trial.user_attrs.get("given_up") else trial.state.name.lower()


def summary(study: Study, *, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Counts of trials, the best and the configured value, what pruning saved (seconds), and importances."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    found = best(study)
    # A trial that was pruned has a value too, the last that it reported.
    whole = [t for t in trials if t.state == TrialState.COMPLETE]
    configured = next((t for t in whole if t.user_attrs.get("configured")), None)
    again = [t for t in whole if t.user_attrs.get("again") == 0]
    configured = configured or next(iter(again), None)
    out: dict[str, Any] = {
        "trials": counted(study),
        "complete": len(whole),
        "failed": sum(t.state == TrialState.FAIL and not t.user_attrs.get("given_up") for t in trials),
        "given_up": sum(bool(t.user_attrs.get("given_up")) for t in trials),
        **saved(study),
    }
    if found is not None:
        out |= {"best_trial": found.number, "best": found.values[0], "best_values": tried(found, space)}
    if configured is not None:
        out["configured"] = configured.values[0]
    out["importances"] = importances(study)
    return out


def importances(study: Study) -> dict[str, float]:
    """Share of the objective's variance that each parameter explains (fANOVA), largest first; {} for few trials.

    F. Hutter, H. Hoos, K. Leyton-Brown, ICML 2014: a forest fitted to the trials, its seed fixed.
    """
    from optuna.importance import get_param_importances
    from optuna.trial import TrialState

    if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < _ENOUGH:
        return {}
    target = (lambda t: t.values[0]) if len(study.directions) > 1 else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return {k: float(v) for k, v in get_param_importances(study, evaluator=_forest(), target=target).items()}
        except (ValueError, RuntimeError):
            # All values equal, say: nothing explains anything.
            return {}


def _forest() -> BaseImportanceEvaluator:
    from optuna.importance import FanovaImportanceEvaluator

    return FanovaImportanceEvaluator(seed=0)


def sentence(summary: Mapping[str, Any]) -> str:
    """The summary for people."""
    parts = [f"{summary['trials']} trials: {summary['complete']} complete, {summary['pruned']} pruned"]
    if summary["failed"]:
        parts[0] += f", {summary['failed']} failed"
    if "best" in summary:
        text = f"best {summary['best']:.4f} (trial {summary['best_trial']})"
        if "configured" in summary:
            change = summary["best"] / summary["configured"] - 1
            text += f", configured {summary['configured']:.4f} ({change:+.1%})"
        parts.append(text)
    if summary["pruned"]:
        parts.append(f"pruning saved about {summary['saved_seconds']:.0f} s of fitting")
    return "; ".join(parts) + "."


def page(study: Study) -> str:
    """Optuna's plots on one page that needs no network: those that the study has enough trials for."""
    from optuna import visualization
    from optuna.trial import TrialState
    from plotly.offline import get_plotlyjs

    complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    two, error = len(study.directions) > 1, "error (SMAE)"
    how: dict[str, Any] = {"target": (lambda t: t.values[0]) if two else None, "target_name": error}
    figures: dict[str, Any] = {}
    with warnings.catch_warnings():
        # Optuna marks some of its plots as experimental.
        warnings.simplefilter("ignore")
        if complete:
            figures["History"] = visualization.plot_optimization_history(study, **how)
        if importances(study):
            figures["Which parameters matter"] = visualization.plot_param_importances(study, evaluator=_forest(), **how)
        if complete:
            figures["Parallel coordinates"] = visualization.plot_parallel_coordinate(study, **how)
        if two and complete:
            names = [error, "seconds a fold"]
            figures["Pareto front: error against time"] = visualization.plot_pareto_front(study, target_names=names)
    parts = [f"<h2>{title}</h2>{f.update_layout(title=None).to_html(full_html=False, include_plotlyjs=False)}"
             for title, f in figures.items()] or ["<p>No trial is complete.</p>"]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{study.study_name}</title><script>{get_plotlyjs()}</script>'
    style = "<style>body{font-family:sans-serif;margin:1.5rem}</style>"
    body = f"<h1>{study.study_name}</h1>{''.join(parts)}"
    return f"<!doctype html><html lang=en><head>{head}{style}</head><body>{body}</body></html>"


def best(study: Study) -> FrozenTrial | None:
    """The complete trial with the smallest error (of two objectives, the first); of equal ones the earliest."""
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return min(done, key=lambda t: (t.values[0], t.number), default=None)


def saved(study: Study) -> dict[str, float]:
    """Seconds that ended trials took, those of pruned ones among them, and what pruning saved of whole ones."""
    from optuna.trial import TrialState

    ended = [outcome_of(t) for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))]
    whole = [o.seconds for o in ended if o.state == "complete"]
    pruned = [o.seconds for o in ended if o.state == "pruned"]
    usual = float(np.mean(whole)) if whole else 0.0
    more = sum(max(0.0, usual - s) for s in pruned)
    return {
        "pruned": len(pruned),
        "seconds": float(sum(whole + pruned)),
        "pruned_seconds": float(sum(pruned)),
        "saved_seconds": float(more),
    }
