"""The ablation of boosting: its steps, its table and its figure, on a small project."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import ablation
from electrode_bench import models
from electrode_bench.core.schema import TARGETS
from electrode_bench.project import Project
from electrode_bench.report import drawing

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("models with physics")

QUICK = ablation.Config(**models.spec("boosting").quick, l1_trees=5)


@pytest.fixture(scope="module")
def steps(with_physics: Project) -> list[ablation.Measured]:
    return ablation.measure(with_physics, QUICK, say=lambda _: None)


@pytest.fixture(scope="module")
def table(with_physics: Project, steps: list[ablation.Measured]) -> pd.DataFrame:
    return ablation.table(with_physics, steps)


def test_there_is_a_row_for_each_idea_and_target(table: pd.DataFrame) -> None:
    names = [step.name for step in ablation.STEPS]
    assert list(dict.fromkeys(table["step"])) == names
    assert len(table) == len(names) * len(TARGETS)
    assert (table["smae"] > 0).all()
    assert (table["cpu_seconds"] > 0).all()


def test_changes_are_differences_between_neighbouring_steps(table: pd.DataFrame) -> None:
    for _, rows in table.groupby("target"):
        assert rows["change"].iloc[1:].to_numpy() == pytest.approx(np.diff(rows["smae"]), abs=1e-9)
        later = rows.iloc[1:]
        assert (later["low"] <= later["change"]).all()
        assert (later["change"] <= later["high"]).all()
        first = rows.iloc[0]
        assert np.isnan(first["change"])
        assert first["verdict"] == ""


def test_the_last_step_is_the_run_of_the_project(with_physics: Project, table: pd.DataFrame) -> None:
    compared = with_physics.comparison("table").set_index("model").loc["boosting"]
    own = table[table["step"] == "boosting"].set_index("target")["smae"]
    for target in TARGETS:
        assert own[target] == pytest.approx(compared[f"{target}/smae"], rel=1e-9)


def test_only_the_voltage_and_the_density_change_with_their_loss(steps: list[ablation.Measured]) -> None:
    # The step before the last has the share of the shipped model.
    of = {one.step.name: one.predictions.query("target == 'gravimetric_capacity'") for one in steps}
    assert of["distribution"]["y_pred"].tolist() == pytest.approx(of["boosting"]["y_pred"].tolist(), rel=1e-9)


def test_no_step_with_faradays_law_exceeds_its_limit(with_physics: Project, steps: list[ablation.Measured]) -> None:
    full = with_physics.features("redox")["redox: full capacity"]
    for one in steps:
        rows = one.predictions.query("target == 'gravimetric_capacity'")
        below = (rows["y_pred"].to_numpy() <= full[rows["electrode_id"]].to_numpy() * (1 + 1e-9)).all()
        assert below or one.step.name in ("composition", "ion")


def test_the_script_writes_table_and_figure(
    with_physics: Project, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--project", str(with_physics.root), "--out", str(tmp_path), "--trees", "5"]
    monkeypatch.setattr(sys, "argv", ["ablation.py", *arguments])
    ablation.main()
    written = pd.read_csv(tmp_path / "ablation.csv")
    # All but the seconds are the same each time.
    assert written["smae"].tolist() == pytest.approx(table["smae"].tolist(), rel=1e-9)
    assert (tmp_path / "ablation.png").stat().st_size > 0
    for name in ("one", "two"):
        drawing.save(lambda: ablation.draw(table), tmp_path / name, synthetic=True, formats=("svg",))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
