"""The file of a study in git."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import ROOT
from support.mutations import damaged, mutated
from support.studies import RecordingLogger, run_study

from electrode_bench.core.artifacts import write_json
from electrode_bench.core.results import Adoption
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.report import tuning
from electrode_bench.tuning import looks
from electrode_bench.tuning.record import adopted_record, make_record, read_record, write_record
from electrode_bench.tuning.storage import journal
from electrode_bench.tuning.study import StudySpec

MakeSpec = Callable[..., StudySpec]

_ROW = {
    "target": "mean", "n": 41, "folds": 1, "configured_mae": 2.0, "tuned_mae": 1.5, "configured_smae": 0.4,
    "tuned_smae": 0.3, "configured_spread": None, "tuned_spread": None, "difference": -0.5, "low": -0.7, "high": -0.3,
    "relative": -0.25, "p": None, "verdict": "no verdict",
}  # fmt: skip

_TRIAL = {
    "number": 0, "state": "complete", "values": [0.5], "seconds": 1.0, "folds": {"fold-0": {"average_voltage": 0.5}},
    "steps": [[4, 0.5]], "params": {"n_estimators": 50, "targets": "joint"},
}  # fmt: skip

RECORD: dict[str, Any] = {
    "study": "a-study", "model": "rf_magpie", "part": "grouped/fold-0", "adopted": 1,
    "data": {"release": None, "md5": "abc", "table": "def"}, "commit": "", "optuna": "5.0.0",
    "identity": {"model": "rf_magpie", "part": "grouped/fold-0", "seed": 1},
    "how": {
        "objective": "smae", "against_seconds": False, "sampler": "tpe", "pruner": "median", "inner": "grouped",
        "folds": 3,
    },
    "space": {
        "n_estimators": {"kind": "int", "low": 50, "high": 60, "log": True},
        "targets": {"kind": "choice", "values": ["separate", "joint"]},
    },
    "base": {"n_estimators": 50, "targets": "joint"},
    "summary": {
        "trials": 2, "complete": 2, "pruned": 0, "failed": 0, "saved_seconds": 0.0, "best": 0.4, "best_trial": 1,
        "configured": 0.5, "importances": {"n_estimators": 1.0},
    },
    "scores": [
        {"study": "a-study", "model": "rf_magpie", "trial": 1, "claim": "held_out", "protocol": "grouped",
         "folds": ["fold-0"], "before": [0], "rows": [_ROW]},
    ],
    "trials": [
        _TRIAL, {**_TRIAL, "number": 1, "values": [0.4]}, {**_TRIAL, "number": 2, "state": "pruned", "values": []},
    ],
}  # fmt: skip


def test_a_record_is_read_as_it_was_written_and_has_one_trial_per_line(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    study = run_study(make_spec(), journal(tmp_path), logger, trials=3).study
    record = make_record(study, adopted=1, data={"release": "2023.11.1", "md5": "abc", "licence": "not kept"})
    paths = [tmp_path / name / "rf_magpie.json" for name in "ab"]
    for path in paths:
        write_record(record, path)
    assert read_record(paths[0]) == record
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sum(line.strip().startswith('{"folds"') for line in paths[0].read_text().splitlines()) == 3
    assert record["data"] == {"release": "2023.11.1", "md5": "abc", "table": ""}
    assert [trial["values"] for trial in record["trials"]] != [[], [], []]


def test_the_records_of_this_repository_are_read() -> None:
    for path in (ROOT / "sweeps").glob("*.json"):
        assert read_record(path)


def _read(read: Callable[[], Any], *, begin: str, end: str) -> Any:
    """What is read, or None when it is refused in one line that says what to do."""
    try:
        return read()
    except UserError as error:
        message = str(error)
    assert message.startswith(begin)
    assert message.endswith(end)
    assert "\n" not in message
    assert len(message) < 600
    return None


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("adopted",), 2, "the adopted trial 2 is not among the complete trials"),
        (("summary", "best"), None, "summary.best: Input should be a valid number"),
        (("trials", 0, "values"), [], "a complete trial without a value"),
        (("trials", 0, "number"), 1, "two trials have the same number"),
        (("trials", 0, "steps"), [[4]], "trials.0.steps.0"),
        (("space", "n_estimators", "low"), 70, "low is above high"),
        (("scores", 0, "protocol"), "grupped", "an unknown protocol"),
        (("how", "objective"), "mse", "how.objective"),
        (("identity",), {}, "the key 'identity.model' is missing"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(
    tmp_path: Path, keys: tuple[Any, ...], value: object, message: str
) -> None:
    record: Any = json.loads(json.dumps(RECORD))
    place = record
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path = tmp_path / "rf_magpie.json"
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"is not the record of a study .*restore it from git, or delete it") as caught:
        read_record(path)
    assert message in str(caught.value)


def test_whatever_was_changed_a_record_is_used_or_refused(tmp_path: Path) -> None:
    path, used = tmp_path / "rf_magpie.json", 0
    changed = (json.dumps(record).encode() for record in mutated(RECORD, seed=1, count=500))
    for content in [json.dumps(RECORD).encode(), *changed, *damaged(json.dumps(RECORD), seed=2, count=200)]:
        path.write_bytes(content)
        record = _read(
            lambda: read_record(path),
            begin=f"{path} is not the record of a study (",
            end="; restore it from git, or delete it",
        )
        if record is not None:
            used += 1
            shown = [tuning.description(record), tuning.plot_data(record)]
            json.dumps(shown, allow_nan=False)
            looks.trials_looked_at(record["scores"], record["part"])
    assert used > 50


def test_whatever_was_changed_an_adoption_is_used_or_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    adoption = Adoption(model="rf", study="s", trial=3, part="grouped/fold-0", config="c", table="t", base={"x": [1]})
    values = adoption.model_dump(mode="json")
    path = project.paths.adoption("rf")
    write_json(values, path)
    assert project.adoption("rf") == adoption
    changed = (json.dumps(each).encode() for each in mutated(values, seed=3, count=100))
    for content in [*changed, *damaged(json.dumps(values), seed=4, count=100)]:
        path.write_bytes(content)
        _read(
            lambda: project.adoption("rf"),
            begin=f"{path} is not a record of an adopted trial (",
            end="; restore it from git",
        )


def test_only_the_record_of_the_adopted_trial_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_record(RECORD, project.paths.study_record("rf_magpie"))
    assert adopted_record(project, "rf_magpie") is None
    adoption = Adoption(
        model="rf_magpie", study="a-study", trial=1, part="grouped/fold-0", config="c", table="t", base={}
    )
    write_json(adoption.model_dump(mode="json"), project.paths.adoption("rf_magpie"))
    assert adopted_record(project, "rf_magpie") == RECORD
    for change in ({"study": "another"}, {"adopted": 0}):
        write_record({**RECORD, **change}, project.paths.study_record("rf_magpie"))
        assert adopted_record(project, "rf_magpie") is None
