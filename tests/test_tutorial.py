"""The code of the tutorial, and of the guide's section on Python, runs in a finished project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from electrode_bench.project import Project

TUTORIAL, GUIDE = ROOT / "docs" / "tutorial.md", ROOT / "docs" / "guide.md"


def run(text: str, file: Path) -> dict[str, Any]:
    """Run the Python blocks of a document one after the other, and return the names that they define."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, str(file), "exec"), names)
    return names


def test_the_tutorial_runs(
    finished: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.root)
    names = run(TUTORIAL.read_text(encoding="utf-8"), TUTORIAL)
    printed = capsys.readouterr().out
    assert "RF@Magpie, fitted on all rows; intervals from grouped folds; synthetic data: True" in printed
    assert "LiFePO4" in printed
    assert len(names["best"]["rank"].dropna()) == 10
    # The last block computes the numbers of the comparison.
    table = finished.comparison("table").set_index(["protocol", "model"]).loc[("grouped", "rf_magpie")]
    assert len(names["mae"]) == 3
    for target, value in names["mae"].items():
        assert value == pytest.approx(table[f"{target}/mae"], rel=1e-9)


def test_the_guides_section_on_python_runs(
    finished: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.root)
    section = GUIDE.read_text(encoding="utf-8").split("\n## Python\n")[1].split("\n## ")[0]
    names = run(section, GUIDE)
    assert "rf_magpie" in capsys.readouterr().out
    assert len(names["worst"]) == 10
    assert (finished.root / "best.csv").exists()


def test_the_documents_use_the_public_api_only() -> None:
    section = GUIDE.read_text(encoding="utf-8").split("\n## Python\n")[1].split("\n## ")[0]
    for text in (TUTORIAL.read_text(encoding="utf-8"), section):
        assert set(re.findall(r"^(?:import|from) (electrode_bench\S*)", text, flags=re.MULTILINE)) == {
            "electrode_bench"
        }
