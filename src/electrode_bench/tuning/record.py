"""The record of a study: what it was, its trials and its scores, as kept in ``sweeps/<model>.json``.

The file is in git beside params.yaml and holds no row of the data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import plain, write_text
from electrode_bench.core.config import validate
from electrode_bench.core.documents import DocumentError, read_json
from electrode_bench.errors import UserError, brief
from electrode_bench.project import Project
from electrode_bench.tuning.looks import scores_of
from electrode_bench.tuning.record_schema import StudyRecord
from electrode_bench.tuning.stored_study import StoredStudy
from electrode_bench.tuning.summary import summarise


def make_record(study: StoredStudy, *, adopted: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a study whose trial ``adopted`` was adopted; ``data`` has release and md5 of the snapshot."""
    stored = study.attributes
    record = {
        "study": study.name,
        "model": study.identity["model"],
        "part": study.outer,
        "adopted": adopted,
        "data": {**{key: data.get(key) for key in ("release", "md5")}, "table": study.table},
        "commit": stored.get("commit", ""),
        "optuna": stored.get("optuna", ""),
        "identity": study.identity,
        "how": {key: value for key, value in stored["how"].items() if key != "spaces"},
        "space": stored["space"],
        "base": stored["base"],
        "summary": summarise(study),
        "scores": scores_of(study),
        "trials": [
            {
                "number": trial.number,
                "state": trial.state,
                "values": list(trial.result.values),
                "seconds": round(trial.result.seconds, 2),
                "folds": {fold: dict(values) for fold, values in trial.result.folds.items()},
                "steps": [list(step) for step in trial.result.steps],
                "params": dict(trial.params),
                **({"reason": trial.result.reason} if trial.result.reason else {}),
            }
            for trial in study.trials()
        ],
    }
    return dict(plain(record))


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """As JSON with one trial per line, so that a diff shows what changed."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list) and value:
            inside = ",\n".join(f"    {json.dumps(item, sort_keys=True)}" for item in value)
            lines.append(f"  {json.dumps(key)}: [\n{inside}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, sort_keys=True)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text("{\n" + ",\n".join(lines) + "\n}\n", path)


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in a file; None when the file does not exist.

    Raises
    ------
    UserError
        When the file is not the record of a study.
    """
    if not path.exists():
        return None
    try:
        value: dict[str, Any] = read_json(path)
        validate(StudyRecord, value, where="it")
    except (DocumentError, UserError) as error:
        raise UserError(
            f"{path} is not the record of a study ({brief(error)}); restore it from git, or delete it"
        ) from None
    return value


def adopted_record(project: Project, model: str) -> dict[str, Any] | None:
    """The record of the study that the model's configuration was adopted from; None when the file is of another."""
    adoption, record = project.adoption(model), read_record(project.paths.study_record(model))
    if adoption is None or record is None:
        return None
    is_adopted = record["study"] == adoption.study and record["adopted"] == adoption.trial
    return record if is_adopted else None
