"""The files that a screening reads and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.chosen import FittedModel, choose
from electrode_bench.project import Project
from electrode_bench.tasks import screen


@pytest.fixture(scope="module")
def model(finished: Project) -> FittedModel:
    return choose(finished)


def test_the_result_is_written_beside_the_candidates(model: FittedModel, tmp_path: Path) -> None:
    (tmp_path / "candidates.csv").write_text("formula\nLiFePO4\nLiMnPO4\n")
    calls: list[tuple[int, int]] = []
    made = screen.run(tmp_path / "candidates.csv", lambda: model, progress=lambda *call: calls.append(call))
    assert made.out == tmp_path / "candidates.screened.csv"
    assert made.out.exists()
    assert made.rejects is None
    assert {file.name for file in tmp_path.iterdir()} == {"candidates.csv", "candidates.screened.csv"}
    assert calls == [(2, 2)]


def test_a_file_that_cannot_be_read_is_an_error_before_a_model_is_loaded(tmp_path: Path) -> None:
    def load() -> FittedModel:
        raise AssertionError("the model was loaded")

    with pytest.raises(UserError, match="is missing"):
        screen.run(tmp_path / "candidates.csv", load)
    (tmp_path / "candidates.csv").write_text("formula\nLiFePO4\n")
    with pytest.raises(UserError, match=r"must end in .csv or .parquet"):
        screen.run(tmp_path / "candidates.csv", load, out=tmp_path / "best.xlsx")
    with pytest.raises(UserError, match="is the list of candidates itself"):
        screen.run(tmp_path / "candidates.csv", load, out=tmp_path / "candidates.csv")


def test_a_list_of_which_nothing_remains_is_an_error(model: FittedModel, tmp_path: Path) -> None:
    file = tmp_path / "candidates.txt"
    file.write_text("FePO4\n")
    with pytest.raises(UserError, match=r"no formula of .* can be used; the reasons are in"):
        screen.run(file, lambda: model)
    assert "FePO4" in (tmp_path / "candidates.screened.rejects.csv").read_text()
    file.write_text("LiUO2\n")
    with pytest.raises(UserError, match="is in the applicability domain; try without --in-domain"):
        screen.run(file, lambda: model, in_domain=True)
