"""The code blocks of the documents: Python runs in a finished project, YAML is valid in params.yaml, targets exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

from electrode_bench import params
from electrode_bench.project import Project

DOCS = ROOT / "docs"
TUTORIAL, OVERVIEW = DOCS / "tutorial.md", DOCS / "python.md"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
#: Pages whose Python needs more than a finished project: the id of a run in MLflow.
NOT_RUN = {DOCS / "mlflow.md"}


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run(document: Path) -> dict[str, Any]:
    """Run the Python blocks of a document one after the other, and return the names that they define."""
    names: dict[str, Any] = {}
    for block in blocks(document, "python"):
        exec(compile(block, str(document), "exec"), names)
    return names


def test_the_tutorial_runs(
    finished: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.root)
    names = run(TUTORIAL)
    printed = capsys.readouterr().out
    assert "RF@Magpie, fitted on all rows; intervals from grouped folds; synthetic data: True" in printed
    assert "LiFePO4" in printed
    assert len(names["best"]["rank"].dropna()) == 10
    # The last block computes the numbers of the comparison.
    table = finished.comparison("table").set_index(["protocol", "model"]).loc[("grouped", "rf_magpie")]
    assert len(names["mae"]) == 3
    for target, value in names["mae"].items():
        assert value == pytest.approx(table[f"{target}/mae"], rel=1e-9)


def test_the_page_on_python_runs(
    finished: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.root)
    names = run(OVERVIEW)
    assert "rf_magpie" in capsys.readouterr().out
    assert len(names["worst"]) == 10
    assert (finished.root / "best.csv").exists()


def test_the_python_of_every_page_is_run() -> None:
    pages = {page for page in sorted(DOCS.glob("*.md")) if blocks(page, "python")}
    assert pages == {TUTORIAL, OVERVIEW, *NOT_RUN}
    for page in NOT_RUN:
        for block in blocks(page, "python"):
            compile(block, str(page), "exec")


def test_the_documents_use_the_public_api_only() -> None:
    for page in (TUTORIAL, OVERVIEW):
        imported = re.findall(r"^(?:import|from) (electrode_bench\S*)", "\n".join(blocks(page, "python")), re.MULTILINE)
        assert set(imported) == {"electrode_bench"}


@pytest.mark.parametrize("page", [p for p in sorted(DOCS.glob("*.md")) if blocks(p, "yaml")], ids=lambda p: p.name)
def test_yaml_blocks_are_valid_in_params(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "yaml"):
        content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        for section, values in yaml.safe_load(block).items():
            content[section] |= values
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        params.load(path)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_targets_of_make_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    lines = [line for block in blocks(document, "") for line in block.splitlines()]
    lines += re.findall(r"`(make [^`]*)`", text)
    for line in lines:
        if line.startswith("make "):
            words = shlex.split(line.partition("&&")[0], comments=True)[1:]
            assert {word for word in words if "=" not in word} <= targets, line
