"""What is collected to publish a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from electrode_bench import models
from electrode_bench.core.artifacts import write_json
from electrode_bench.core.results import Adoption, MemberRecord
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import collect


def test_a_record_has_scores_resources_and_the_model_of_all_rows(finished: Project) -> None:
    run = finished.run("rf_magpie", "grouped")
    record = collect(finished, run)
    assert record.name == "rf_magpie · grouped"
    assert record.run_name == f"rf_magpie · grouped · {record.run.digests.run[:7]}"
    scores = finished.comparison("scores").query("model == 'rf_magpie' and protocol == 'grouped'")
    pd.testing.assert_frame_equal(record.scores, scores.reset_index(drop=True), check_dtype=False)
    assert all(record.resources[fold]["seconds"] > 0 for fold in run.folds)
    assert record.model is not None
    _, about = models.load(record.model)
    assert about["rows"] == 120
    # No stage was run by DVC here, and nothing was tuned.
    assert record.lock_digest is None
    assert record.tuning == {}


def test_a_tuned_configuration_has_its_trial_and_state(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.root, tmp_path / "tuned"))
    run = project.run("rf_magpie", "grouped")
    values: dict[str, Any] = {
        "model": "rf_magpie",
        "study": "a study",
        "trial": 3,
        "part": "grouped/fold-0",
        "base": {},
    }
    adopted = Adoption(**values, config=run.digests.config, table=run.digests.table)
    write_json(adopted.model_dump(mode="json"), project.paths.adoption("rf_magpie"))
    assert collect(project, run).tuning == {
        "state": "not_nested", "study": "a study", "trial": "3", "outer_fold": "grouped/fold-0",
    }  # fmt: skip
    member = MemberRecord(module="m", feature_set=None, config=adopted.config, code="c")
    ensemble = project.run("control", "grouped").model_copy(update={"members": {"rf_magpie": member}})
    assert collect(project, ensemble).tuning == collect(project, run).tuning
    write_json({**adopted.model_dump(mode="json"), "config": "0" * 64}, project.paths.adoption("rf_magpie"))
    edited = collect(project, run)
    assert edited.tuning["state"] == "edited"
    assert collect(project, project.run("control", "grouped")).tuning == {}
    # It is part of what is published.
    source = Provenance(data={}, table=project.paths.table)
    assert edited.content_digest(source) != collect(finished, run).content_digest(source)


def test_a_run_with_other_predictions_than_its_record_is_not_published(finished: Project) -> None:
    run = finished.run("control", "loco")
    edited = run.model_copy(update={"predictions": run.predictions.assign(y_pred=run.predictions["y_pred"] + 1)})
    with pytest.raises(UserError, match="control under loco has other predictions than it was recorded with"):
        collect(finished, edited)
