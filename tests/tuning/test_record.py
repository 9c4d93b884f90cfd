"""The file of a study in git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.studies import RecordingLogger, run_study

from electrode_bench.core.artifacts import write_json
from electrode_bench.core.results import Adoption
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tuning.record import adopted_record, make_record, read_record, write_record
from electrode_bench.tuning.storage import journal
from electrode_bench.tuning.study import StudySpec

MakeSpec = Callable[..., StudySpec]


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


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rf_magpie.json"
    assert read_record(path) is None
    for text in ("{", "[]", '{"study": 1}'):
        path.write_text(text)
        with pytest.raises(UserError, match=r"record of a study.*restore it from git, or delete it"):
            read_record(path)


def test_only_the_record_of_the_adopted_trial_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    record = {"study": "a-study", "adopted": 3, "trials": [], "summary": {}}
    write_record(record, project.paths.study_record("rf_magpie"))
    assert adopted_record(project, "rf_magpie") is None
    adoption = Adoption(
        model="rf_magpie", study="a-study", trial=3, part="grouped/fold-0", config="c", table="t", base={}
    )
    write_json(adoption.model_dump(mode="json"), project.paths.adoption("rf_magpie"))
    assert adopted_record(project, "rf_magpie") == record
    for change in ({"study": "another"}, {"adopted": 4}):
        write_record({**record, **change}, project.paths.study_record("rf_magpie"))
        assert adopted_record(project, "rf_magpie") is None
