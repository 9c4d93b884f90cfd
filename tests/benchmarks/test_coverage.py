"""Coverage of prediction intervals beside what was asked, on hand-made rows and on a small project."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import coverage
from electrode_bench.core.schema import TARGETS
from electrode_bench.evaluation.coverage import COVERAGE_COLUMNS
from electrode_bench.params import Intervals
from electrode_bench.project import Project

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("models with physics")


def test_symmetric_intervals_reach_just_the_same_coverage() -> None:
    # Errors of 1 to 10, the same deviation everywhere: 80% are held by +-8, so the mean width is 16.
    error = np.arange(1.0, 11.0)
    rows = pd.DataFrame({"protocol": "grouped", "composition": [f"c{i}" for i in range(10)], "limit": 1000.0})
    for target in TARGETS:
        rows[target], rows[f"{target}_true"], rows[f"{target}_std"] = 100.0, 100.0 + error, 2.0
    new = pd.DataFrame(
        [("grouped", target, 0.9, "all", 0.8, 4.0) for target in TARGETS],
        columns=["protocol", "target", "level", "by", "coverage", "width"],
    )
    table = coverage.symmetric(rows, new, 0.9).set_index("target")
    for target in TARGETS:
        assert table.loc[target, ["coverage", "width", "symmetric", "ratio"]].tolist() == pytest.approx(
            [0.8, 4.0, 16.0, 0.25]
        )


def test_symmetric_capacities_end_at_0_and_at_the_limit() -> None:
    rows = pd.DataFrame({"protocol": "grouped", "composition": ["a", "b"], "limit": [12.0, 12.0]})
    for target in TARGETS:
        rows[target], rows[f"{target}_true"], rows[f"{target}_std"] = 10.0, [40.0, -20.0], np.nan
    new = pd.DataFrame(
        [("grouped", target, 0.9, "all", 1.0, 6.0) for target in TARGETS],
        columns=["protocol", "target", "level", "by", "coverage", "width"],
    )
    width = coverage.symmetric(rows, new, 0.9).set_index("target")["symmetric"]
    assert width.tolist() == pytest.approx([12.0, 40.0, 60.0])


@pytest.mark.parametrize(
    ("protocol", "held", "met"),
    [
        ("grouped", 0.87, False),
        ("grouped", 0.9, True),
        ("grouped", 0.93, False),
        ("loco", 0.86, True),
        ("loco", 0.84, False),
    ],
)
def test_what_was_asked_is_more_for_known_kinds_of_compositions(protocol: str, held: float, met: bool) -> None:
    groups = [("all", "all", 200, held), ("ion", "Li", 100, 0.86), ("ion", "Na", 60, 0.84), ("ion", "K", 59, 0.1)]
    found = pd.DataFrame(
        [
            ("m", protocol, "volumetric_capacity", 0.9, *group[:3], 0.95, group[3], 0.0, 1.0, 5.0)
            for group in groups
        ],
        columns=list(COVERAGE_COLUMNS),
    )  # fmt: skip
    widths = pd.DataFrame(
        [("m", protocol, "volumetric_capacity", 0.7)], columns=["model", "protocol", "target", "ratio"]
    )
    (row,) = coverage.targets(found, widths, Intervals()).to_dict("records")
    assert (row["coverage"], row["met"], row["share with an interval"]) == (held, met, 0.95)
    # Potassium has too few compositions to count.
    assert (row["lowest ion"], row["its coverage"]) == ("Na", 0.84)
    assert row["met by ion"] is (False if protocol == "grouped" else None)
    assert row["30% narrower"] is True
    (row,) = coverage.targets(found[found["n"] > 100], widths, Intervals()).to_dict("records")
    assert (row["lowest ion"], row["met by ion"]) == (None, None)


def test_the_error_ranks_itself_best() -> None:
    n, rng = 40, np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "protocol": ["loco"] * n + ["chronological"] * n,
            "fold": "0",
            "electrode_id": [f"e{i}" for i in range(n)] * 2,
            "composition": [f"c{i}" for i in range(n)] * 2,
            "distance": rng.uniform(size=2 * n),
        }
    )
    for target in TARGETS:
        rows[target], rows[f"{target}_true"] = 0.0, rng.uniform(size=2 * n)
        rows[f"{target}_std"] = 1.0
    distance = pd.Series(1.0, index=pd.MultiIndex.from_frame(rows[["protocol", "fold", "electrode_id"]]))
    table = coverage.rankings({"boosting": rows, "modnet_physics": rows}, distance)
    area = table.groupby("measure")["area"]
    assert (area.max()["the error itself"] < area.min().drop("the error itself")).all()
    # Equal measures say nothing.
    for name in ("standard deviation", "distance in features", "disagreement of models"):
        np.testing.assert_allclose(table.loc[table["measure"] == name, "area"], 1.0)


def test_the_script_writes_all_tables(with_physics: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["coverage.py", "--project", str(with_physics.root), "--to", str(tmp_path)])
    coverage.main()
    names = ("coverage.csv", "rejection.csv", "targets.csv", "widths.csv")
    tables = {name: pd.read_csv(tmp_path / name) for name in names}
    models = {"control", "faraday", "boosting"}
    assert list(tables["coverage.csv"]) == list(COVERAGE_COLUMNS)
    for name in ("coverage.csv", "targets.csv", "widths.csv"):
        assert set(tables[name]["model"]) == models
    assert len(tables["targets.csv"]) == len(models) * len(TARGETS)
    before = {name: (tmp_path / name).read_bytes() for name in names}
    coverage.main()
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
