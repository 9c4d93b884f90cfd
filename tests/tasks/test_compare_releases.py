"""Two projects side by side, with the errors of their models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation.releases import column
from electrode_bench.project import Project
from electrode_bench.tasks.compare_releases import compare


def test_a_project_and_itself_do_not_differ(finished: Project, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.root.rglob("*")}
    done = compare(finished.root, str(finished.root), None, csv=tmp_path / "out", figure=tmp_path / "x.svg")
    assert done.difference.by_ion.loc[0, "same"] == len(finished.table())
    assert done.scores is not None
    # Every protocol, both models and all targets; nothing changes, whichever labels are taken.
    assert len(done.scores) == 4 * 2 * len(TARGETS)
    assert (done.scores["difference"] == 0).all()
    own = done.scores[column("mae", "old", "old")]
    for pair in (("old", "new"), ("new", "old"), ("new", "new")):
        pd.testing.assert_series_equal(done.scores[column("mae", *pair)], own, check_names=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "electrodes.csv", "by_ion.csv", "changes.csv", "scores.csv",
    }  # fmt: skip
    assert pd.read_csv(tmp_path / "out" / "changes.csv")["mae"].max() == 0
    assert (tmp_path / "x.svg").exists()
    assert {path: path.stat().st_mtime_ns for path in finished.root.rglob("*")} == before


def test_errors_on_grouped_folds_are_those_of_the_study(finished: Project) -> None:
    done = compare(finished.root, str(finished.root), None)
    assert done.scores is not None
    rows = done.scores[(done.scores["protocol"] == "grouped") & (done.scores["model"] == "rf_magpie")]
    by_ion = finished.comparison("by_ion")
    by_ion = by_ion[(by_ion["protocol"] == "grouped") & (by_ion["model"] == "rf_magpie")]
    for row in rows.to_dict("records"):
        of = by_ion[by_ion["target"] == row["target"]]
        # Each electrode is tested once, so the mean over electrodes is that over ions, weighted by their numbers.
        assert row[column("mae", "new", "new")] == pytest.approx((of["mae"] * of["n"]).sum() / of["n"].sum())
        assert row["n"] == of["n"].sum()


def test_results_of_other_data_are_not_compared(finished: Project, tmp_path: Path) -> None:
    changed = Project(shutil.copytree(finished.root, tmp_path / "changed"))
    data = changed.paths.data / "cut.csv"
    data.write_text("\n".join(data.read_text().splitlines()[:-1]) + "\n")
    done = compare(finished.root, str(finished.root), str(changed.root))
    assert done.scores is None
    assert any("its results belong to other data than it has now; run: dvc repro" in note for note in done.notes)
    assert done.difference.by_ion.loc[0, "removed"] == 1


def test_a_file_has_no_results_to_compare(finished: Project) -> None:
    done = compare(finished.root, str(finished.paths.data / "cut.csv"), None)
    assert done.scores is None
    assert any("it has no fitted results; name the folder of a project" in note for note in done.notes)
    # Two files have none, and nobody expects them.
    both = compare(finished.root, str(finished.paths.data / "cut.csv"), str(finished.paths.data / "cut.csv"))
    assert not any("Errors" in note for note in both.notes)


def test_wrong_outputs_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.svg, \.png or \.pdf"):
        compare(tmp_path, "nothing.csv", None, figure=tmp_path / "x.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is not a folder"):
        compare(tmp_path, "nothing.csv", None, csv=tmp_path / "file")
