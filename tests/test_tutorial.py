"""The tutorial's blocks run one after the other in a finished project, and say what the text says they do."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from electrode_bench.project import Layout

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"


def test_the_tutorial_runs(
    finished: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.root)
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(TUTORIAL), "exec"), names)
    said = capsys.readouterr().out
    assert "RF@Magpie fitted on all rows; intervals from grouped folds; synthetic: True" in said
    assert "LiFePO4: " in said
    best = names["found"].best  # type: ignore[attr-defined]
    assert len(best[best["rank"].notna()]) == 10
    # The last block arrives at the table's own numbers.
    table = pd.read_csv(finished.compare / "table.csv").set_index(["protocol", "model"]).loc[("grouped", "rf_magpie")]
    mae = names["errors"].groupby("target").mean()  # type: ignore[attr-defined]
    for target, value in mae.items():
        assert value == pytest.approx(table[f"{target}/mae"], rel=1e-9)
