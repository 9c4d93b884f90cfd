"""What a study's record holds (``sweep_record``): what the study was, its trials, and what tuning brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from electrode_bench.artifacts import plain
from electrode_bench.sweep import studies
from electrode_bench.sweep.trial import outcome_of, tried

if TYPE_CHECKING:
    from optuna import Study

#: Attribute of a study: what `sweep score` found, by what it claims.
SCORES = "scores"


def of(study: Study, *, adopted: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a study whose trial ``adopted`` params.yaml has; ``data`` tells the snapshot (release, md5)."""
    space = studies.space(study)
    known = study.user_attrs
    record = {
        "study": study.study_name,
        "model": known["identity"]["model"],
        "part": known["identity"]["part"],
        "adopted": adopted,
        "data": {k: data.get(k) for k in ("release", "md5")},
        "optuna": known.get("optuna", ""),
        "identity": known["identity"],
        "how": {k: v for k, v in known["how"].items() if k != "spaces"},
        "space": known["space"],
        "base": known["base"],
        "summary": studies.summary(study, space=space),
        "scores": list(known.get(SCORES, {}).values()),
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
