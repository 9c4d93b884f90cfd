"""A study as one small file in the project: what an adopted configuration comes from, when no storage is at hand.

``sweeps/<model>.json`` is written by `sweep adopt` and goes into git beside params.yaml. It holds what the study was
and every trial with its values, but no row of the data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electrode_bench.artifacts import plain, write_text
from electrode_bench.errors import UserError
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


def write(record: Mapping[str, Any], path: Path) -> None:
    """As JSON with a trial a line: what changed is then seen in a diff."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list) and value:
            inside = ",\n".join(f"    {json.dumps(item, sort_keys=True)}" for item in value)
            lines.append(f"  {json.dumps(key)}: [\n{inside}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, sort_keys=True)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text("{\n" + ",\n".join(lines) + "\n}\n", path)


def read(path: Path) -> dict[str, Any] | None:
    """The record in a file; None where there is none.

    Raises
    ------
    UserError
        When the file is no record.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is no readable record of a study ({error}); make it with: electrode-bench sweep adopt"
        ) from None
    if not isinstance(value, dict) or not {"study", "trials", "summary"} <= value.keys():
        raise UserError(f"{path} is no record of a study; make it with: electrode-bench sweep adopt")
    return value
