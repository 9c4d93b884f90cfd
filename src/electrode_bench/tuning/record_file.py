"""The file of a study that a configuration was adopted from: ``sweeps/<model>.json``, in git beside params.yaml.

It holds what the study was and every trial with its values, but no row of the data. ``sweep.record`` makes it; whoever
only reads it (the report) needs nothing of Optuna.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import write_text
from electrode_bench.errors import UserError


def looked_for(scores: Iterable[Mapping[str, Any]]) -> set[int]:
    """The trials that the rows of these scores were looked at for, earlier looks included."""
    return {n for score in scores for n in (score["trial"], *score.get("before", ()))}


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
