"""The stage writes the page and the figures from results that belong together."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.stages import report


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """The finished project, to be changed."""
    return Project(shutil.copytree(finished.root, tmp_path / "copy", ignore=shutil.ignore_patterns("report")))


def test_equal_results_give_equal_bytes_that_name_no_machine(copy: Project) -> None:
    page = report.run(copy)
    assert page == copy.paths.report
    written = (page, copy.paths.map_figure, copy.paths.ions_figure)
    first = [path.read_bytes() for path in written]
    report.run(copy)
    assert [path.read_bytes() for path in written] == first
    for content in first:
        assert str(copy.root).encode() not in content


def test_the_map_and_the_working_ions_have_pages_of_their_own(copy: Project) -> None:
    report.run(copy)
    for path, title in ((copy.paths.map_figure, "Map of electrode"), (copy.paths.ions_figure, "Electrodes by working")):
        text = path.read_text(encoding="utf-8")
        assert f"<title>{title}" in text[:200]
        assert not re.search(r"<(script|link)[^>]*(src|href)=", text)
        assert "Synthetic data" in text


def test_other_predictions_than_those_compared_are_refused(copy: Project) -> None:
    path = copy.paths.predictions("rf_magpie", "grouped")
    frame = pd.read_parquet(path)
    frame.assign(y_pred=frame["y_pred"] * 1.01).to_parquet(path)
    with pytest.raises(UserError, match="rf_magpie under grouped was written with other predictions than it has now"):
        report.run(copy)
    assert not copy.paths.report.exists()


def test_a_missing_table_is_named_with_the_command_that_makes_it(copy: Project) -> None:
    copy.paths.comparison("by_ion").unlink()
    with pytest.raises(UserError, match=r"by_ion.csv is missing; make it with: dvc repro compare"):
        report.run(copy)
    assert not copy.paths.report.exists()
