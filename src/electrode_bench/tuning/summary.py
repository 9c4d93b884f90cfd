"""What a study has found so far: a summary of its trials, in numbers and in words, and a table of them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.tuning.stored_study import StoredStudy

if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator

#: With fewer complete trials, importances of parameters mean nothing.
_ENOUGH_TRIALS = 8


def summarise(study: StoredStudy) -> dict[str, Any]:
    """Counts of trials, the best and the configured value, what pruning saved (seconds), and importances."""
    trials, complete, best = study.trials(), study.complete(), study.best()
    summary: dict[str, Any] = {
        "trials": study.count(),
        "complete": len(complete),
        "failed": sum(trial.state == "fail" for trial in trials),
        "given_up": sum(trial.state == "given up" for trial in trials),
        **time_saved(study),
    }
    if best is not None:
        summary |= {"best_trial": best.number, "best": best.result.values[0], "best_values": dict(best.params)}
    configured = next((trial for trial in complete if trial.is_configured), None)
    if configured is not None:
        summary["configured"] = configured.result.values[0]
    summary["importances"] = importances(study)
    return summary


def why_all_failed(study: StoredStudy) -> str | None:
    """One line on a study all of whose trials failed, with the most frequent reason; None for any other study."""
    ended = [trial for trial in study.trials() if trial.has_ended]
    if not ended or any(trial.state != "fail" for trial in ended):
        return None
    ((reason, count),) = Counter(trial.result.reason or "no reason is known" for trial in ended).most_common(1)
    share = "" if count == len(ended) else f" in {count} of them"
    return f"{study.name}: every trial failed ({len(ended)} of {len(ended)}){share}: {reason}"


def time_saved(study: StoredStudy) -> dict[str, float]:
    """Seconds that ended trials took, those of pruned ones among them, and what pruning saved against whole trials."""
    trials = study.trials()
    whole = [trial.result.seconds for trial in trials if trial.state == "complete"]
    pruned = [trial.result.seconds for trial in trials if trial.state == "pruned"]
    usual = float(np.mean(whole)) if whole else 0.0
    return {
        "pruned": len(pruned),
        "seconds": float(sum(whole + pruned)),
        "pruned_seconds": float(sum(pruned)),
        "saved_seconds": float(sum(max(0.0, usual - seconds) for seconds in pruned)),
    }


def importances(study: StoredStudy) -> dict[str, float]:
    """Share of the objective's variance that each parameter explains (fANOVA), largest first; {} for few trials.

    F. Hutter, H. Hoos, K. Leyton-Brown, ICML 2014: a forest fitted to the trials, with a fixed seed.
    """
    from optuna.importance import get_param_importances

    if len(study.complete()) < _ENOUGH_TRIALS:
        return {}
    target = (lambda trial: trial.values[0]) if study.has_two_objectives else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shares = get_param_importances(study.optuna, evaluator=importance_evaluator(), target=target)
        except (ValueError, RuntimeError):
            # For example when all values are equal: then no parameter explains anything.
            return {}
    return {name: float(share) for name, share in shares.items()}


def importance_evaluator() -> BaseImportanceEvaluator:
    """The one way in which importances are computed."""
    from optuna.importance import FanovaImportanceEvaluator

    return FanovaImportanceEvaluator(seed=0)


def in_words(summary: Mapping[str, Any]) -> str:
    """The summary in one sentence."""
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


def trial_table(study: StoredStudy) -> pd.DataFrame:
    """One row per trial: number, state, objective, seconds, reason, worker, then its parameters."""
    return pd.DataFrame(
        [
            {
                "trial": trial.number,
                "state": trial.state,
                "objective": trial.result.values[0] if trial.result.values else float("nan"),
                "seconds": trial.result.seconds,
                "reason": trial.result.reason,
                "worker": trial.result.worker,
                **{name: str(value) for name, value in trial.params.items()},
            }
            for trial in study.trials()
        ]
    )
