"""Error against cost, on a small project."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import cost
from electrode_bench.core.schema import TARGETS
from electrode_bench.fitting.costs import fold_costs
from electrode_bench.project import Project

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("models with physics")


def test_the_table_has_the_errors_of_the_comparison_and_the_seconds_of_the_fold_cache(with_physics: Project) -> None:
    table = cost.table(with_physics, "grouped")
    assert set(table["model"]) == {"faraday", "boosting"}
    assert len(table) == 2 * len(TARGETS)
    measured = fold_costs(with_physics).set_index(["model", "protocol"])
    compared = with_physics.comparison("table").set_index("model")
    for row in table.to_dict("records"):
        assert row["smae"] == compared.loc[row["model"], f"{row['target']}/smae"]
        of_model = measured.loc[(row["model"], "grouped")]
        assert row["cpu_seconds"] == of_model["cpu_seconds"] > 0
    # The cheapest model is always on the front.
    assert table.loc[table["cpu_seconds"] == table["cpu_seconds"].min(), "on_front"].all()


def test_the_script_writes_table_and_figure(
    with_physics: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["cost.py", "--project", str(with_physics.root), "--out", str(tmp_path)])
    cost.main()
    assert len(pd.read_csv(tmp_path / "cost.csv")) == 2 * len(TARGETS)
    svg = (tmp_path / "cost.svg").read_bytes()
    cost.main()
    assert (tmp_path / "cost.svg").read_bytes() == svg
    assert (tmp_path / "cost.png").stat().st_size > 0
