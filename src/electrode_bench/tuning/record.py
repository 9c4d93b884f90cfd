"""What a study's record holds (``sweep_record``): what the study was, its trials, and what tuning brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from electrode_bench.core.artifacts import plain
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.assess import subject
from electrode_bench.tuning.trial import outcome_of, tried

if TYPE_CHECKING:
    from optuna import Study

#: Attribute of a study: what `sweep score` found, by what it claims and the trial.
SCORES = "scores"


def scores(study: Study) -> list[dict[str, Any]]:
    """What `sweep score` found: one for each claim (or protocol) and trial, in the order of the first looks."""
    return list(study.user_attrs.get(SCORES, {}).values())


def keep(study: Study, score: Mapping[str, Any]) -> None:
    """Keep a score with its study; those of other trials stay, so that no look is forgotten."""
    kept = {score_name(s): s for s in [*scores(study), dict(score)]}
    study.set_user_attr(SCORES, kept)


def score_name(score: Mapping[str, Any]) -> str:
    """What tells a score from the study's others, as held_out_trial_0007."""
    return f"{subject(score['claim'], score['protocol'])}_trial_{score['trial']:04d}"


def of(study: Study, *, adopted: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a study whose trial ``adopted`` params.yaml has; ``data`` tells the snapshot (release, md5)."""
    space = studies.space(study)
    known = study.user_attrs
    record = {
        "study": study.study_name,
        "model": known["identity"]["model"],
        "part": known["identity"]["part"],
        "adopted": adopted,
        "data": {**{k: data.get(k) for k in ("release", "md5")}, "table": known.get("table", "")},
        "commit": known.get("commit", ""),
        "optuna": known.get("optuna", ""),
        "identity": known["identity"],
        "how": {k: v for k, v in known["how"].items() if k != "spaces"},
        "space": known["space"],
        "base": known["base"],
        "summary": studies.summary(study, space=space),
        "scores": scores(study),
        "trials": [
            {
                "number": trial.number,
                "state": studies.state(trial),
                "values": list(outcome.values),
                "seconds": round(outcome.seconds, 2),
                "folds": {fold: dict(values) for fold, values in outcome.folds.items()},
                "steps": [list(step) for step in outcome.steps],
                "params": tried(trial, space),
                **({"reason": outcome.reason} if outcome.reason else {}),
            }
            for trial in study.get_trials(deepcopy=False)
            for outcome in [outcome_of(trial)]
        ],
    }
    return dict(plain(record))
