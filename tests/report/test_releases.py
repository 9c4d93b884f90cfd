"""The comparison of releases in the terminal and as a figure."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from support.releases import NEW, OLD, electrode, release

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.data.releases.difference import difference
from electrode_bench.evaluation.releases import SIDES, column
from electrode_bench.report import drawing
from electrode_bench.report.releases import headline, tables
from electrode_bench.report.releases_figure import draw

SCORES = pd.DataFrame(
    [
        {
            "protocol": "grouped", "model": model, "title": model.upper(), "target": target, "n": 5,
            **{column("mae", *pair): error for pair in product(SIDES, SIDES)},
            **{column("smae", *pair): error / 40 for pair in product(SIDES, SIDES)},
            "difference": -1.25, "low": -2.5, "high": 0.5,
        }
        for model, error in ((CONTROL, 40.0), ("forest", 12.3), ("network", 9.9))
        for target in TARGETS
    ]
)  # fmt: skip


def shown(scores: pd.DataFrame | None, *, full: bool = False) -> str:
    stream = io.StringIO()
    for table in tables(difference(OLD, NEW), scores, full=full):
        Console(file=stream, width=160).print(table)
    return stream.getvalue()


def test_tables() -> None:
    text = shown(SCORES)
    for part in ("in both", "relabelled", "Na", "1 (20%)", "mAh/g", "grouped", "FOREST", "12.3 (0.307)", "-1.25 (-2.5"):
        assert part in text
    assert "unclear" not in text
    assert "Errors" not in shown(None)
    other = pd.concat([SCORES.assign(protocol="loco"), SCORES])
    assert "loco" not in shown(other)
    assert "loco" in shown(other, full=True)


def test_the_headline_is_one_sentence() -> None:
    assert headline(difference(OLD, NEW)) == (
        "5 electrodes are in both releases: 3 are the same and 2 are relabelled; 1 are added and 1 removed"
    )


@pytest.mark.parametrize("scores", [None, SCORES], ids=["data", "with errors"])
def test_the_figure_has_the_same_bytes_each_time(tmp_path: Path, scores: pd.DataFrame | None) -> None:
    for name in ("a", "b"):
        drawing.save(
            lambda: draw(difference(OLD, NEW), scores, old="o$ld", new="n" * 60), tmp_path / name, synthetic=True
        )
    text = (tmp_path / "a.svg").read_bytes()
    assert text == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"Synthetic data" in text or b"<path" in text


def test_a_figure_of_tables_without_a_common_electrode(tmp_path: Path) -> None:
    found = difference(release(electrode("a")), release(electrode("b", "MnO2", "LiMnO2")))
    drawing.save(lambda: draw(found, None, old="a", new="b"), tmp_path / "x", synthetic=False, formats=["svg"])
    assert (tmp_path / "x.svg").stat().st_size > 1000
