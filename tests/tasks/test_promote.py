"""The best model goes into MLflow's registry, if it beats the control."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.comparisons import pairs_with_control

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tasks import promote
from electrode_bench.tasks.promote import require_better_than_control

#: In the group of the other tests that publish finished projects.
pytestmark = pytest.mark.xdist_group("promotion")


def test_a_model_that_may_be_no_better_than_the_control_is_refused() -> None:
    better = pairs_with_control(-0.1)
    rows = require_better_than_control(better, model="rf_magpie", protocol="grouped")
    assert rows["target"].tolist() == list(TARGETS)
    with pytest.raises(UserError, match=r"rf_magpie is not promoted: .*Average voltage, -2 to 0.1 V"):
        require_better_than_control(pairs_with_control(0.1), model="rf_magpie", protocol="grouped")
    with pytest.raises(UserError, match="name another model"):
        require_better_than_control(better, model="control", protocol="grouped")
    with pytest.raises(UserError, match="does not have modnet under grouped"):
        require_better_than_control(better, model="modnet", protocol="grouped")


def test_the_best_model_of_a_finished_project_is_promoted(finished: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(finished.root, project.root)
    # On so few electrodes only the bootstrap shows that the forest beats the control.
    with pytest.raises(UserError, match=r"rf_magpie is not promoted: under grouped"):
        promote.run(project)
    promoted = promote.run(project, protocol="bootstrap")
    assert (promoted.model, promoted.protocol) == ("rf_magpie", "bootstrap")
    assert (promoted.champion.version, promoted.champion.created) == ("1", True)
    assert "Fitted on all 120 electrodes" in promoted.card
    assert promoted.synthetic
    # Nothing has changed: the same version, and no other run.
    again = promote.run(project, protocol="bootstrap", model="rf_magpie")
    assert (again.champion.version, again.champion.created) == ("1", False)
    assert again.champion.run_id == promoted.champion.run_id
    with pytest.raises(UserError, match="'modnet' is not fitted under grouped"):
        promote.run(project, model="modnet")
