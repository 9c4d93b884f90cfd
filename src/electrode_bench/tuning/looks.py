"""The scores of a study, and the one rule for looks at its held-out rows.

The test rows of the study's own outer fold were not seen by any trial. They give an unbiased error as long as nobody
chooses a trial by them, so every look at them is counted. A look is a score that was tested on the study's own outer
fold, whatever command made it: the default, ``--protocol`` with the study's protocol, or ``--nested``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from electrode_bench.tuning.stored_study import StoredStudy

#: Attribute of a study that holds its scores, by what was compared and the trial.
SCORES = "scores"


def is_look(score: Mapping[str, Any], outer: str) -> bool:
    """Whether a score was tested on the held-out rows of the outer fold ``outer`` (as ``grouped/fold-0``)."""
    protocol, _, fold = outer.partition("/")
    return bool(score["protocol"] == protocol and fold in score["folds"])


def trials_looked_at(scores: Iterable[Mapping[str, Any]], outer: str) -> tuple[int, ...]:
    """The trials whose errors on the held-out rows were looked at, in ascending order."""
    looks = [score for score in scores if is_look(score, outer)]
    return tuple(sorted({number for score in looks for number in (score["trial"], *score.get("before", ()))}))


def warning(trials: Iterable[int]) -> str | None:
    """What to say of earlier looks at the held-out rows for these trials; None when there were none."""
    numbers = [str(number) for number in trials]
    if not numbers:
        return None
    return (
        f"the held-out rows were also used to test trial{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: "
        "a trial chosen by these errors is tuned on them"
    )


def score_key(claim: str, protocol: str) -> str:
    """What was compared, for names: the claim, or the protocol when all of its folds were used."""
    return protocol if claim == "not_nested" else claim


def score_name(score: Mapping[str, Any]) -> str:
    """A name that distinguishes a score from the study's others, as ``held_out_trial_0007``."""
    return f"{score_key(score['claim'], score['protocol'])}_trial_{score['trial']:04d}"


def scores_of(study: StoredStudy) -> list[dict[str, Any]]:
    """What `sweep score` found, one score for each comparison and trial, in the order of the first looks."""
    return list(study.attributes.get(SCORES, {}).values())


def keep_score(study: StoredStudy, score: Mapping[str, Any]) -> None:
    """Keep a score with its study. Those of other trials stay, so that no look is forgotten."""
    kept = {score_name(earlier): earlier for earlier in [*scores_of(study), dict(score)]}
    study.keep(**{SCORES: kept})
