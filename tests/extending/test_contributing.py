"""The steps of CONTRIBUTING, followed to the letter in a copy of the source: each extension shows in the results.

Every test adds exactly the files and lines that CONTRIBUTING shows, and runs the command that a user would run.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from support import ROOT
from support.package_copy import PackageCopy, copy_package

from electrode_bench.core.folds import from_frame
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.project import Project

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


FIT = """
import sys
from electrode_bench import Project
from electrode_bench.stages import fit
project = Project.open(sys.argv[1])
for protocol in sys.argv[3:]:
    fit.run(project, project.params(), model=sys.argv[2], protocol=protocol)
"""


@dataclass(frozen=True)
class Extended:
    """A finished project, and a copy of the package that a contributor has extended."""

    package: PackageCopy
    project: Project

    def run(self, *command: str) -> str:
        return self.package.run("-m", "electrode_bench", "-p", str(self.project.root), *command)

    def fit(self, model: str, *protocols: str) -> None:
        """As the command, for several protocols in one process."""
        self.package.run("-c", FIT, str(self.project.root), model, *protocols)

    def changed(self) -> set[str]:
        """The files that differ from the repository's, or that it does not have."""
        before, now = (
            {f.relative_to(s): f.read_bytes() for f in s.rglob("*.py")} for s in (ROOT / "src", self.package.source)
        )
        return {str(file) for file, content in now.items() if before.get(file) != content}


@pytest.fixture
def extend(finished: Project, tmp_path: Path) -> Callable[[str], Extended]:
    """Follow the steps of a section of CONTRIBUTING."""

    def follow(section: str) -> Extended:
        package = copy_package(tmp_path / "src")
        project = Project(shutil.copytree(finished.root, tmp_path / "project", ignore=shutil.ignore_patterns("mlruns")))
        for language, code in blocks(section):
            first, _, rest = code.partition("\n")
            if language == "yaml":
                values = yaml.safe_load(project.paths.params.read_text())
                project.paths.params.write_text(yaml.safe_dump(merged(values, yaml.safe_load(rest)), sort_keys=False))
            elif named := re.fullmatch(r"# src/(\S+), in (\w+)", first):
                insert(package.source / named[1], named[2], rest)
            else:
                (package.source / first.removeprefix("# src/")).write_text(rest)
        return Extended(package, project)

    return follow


def blocks(section: str) -> list[tuple[str, str]]:
    """The examples of a section: language and code."""
    start = TEXT.index(f"\n## {section}\n")
    end = TEXT.find("\n## ", start + 1)
    text = TEXT[start : end if end > 0 else None]
    examples = re.findall(r"^```(python|yaml)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert examples, f"CONTRIBUTING shows no example under '{section}'"
    return examples


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested mappings with changes, as when a user edits params.yaml."""
    nested = {key for key in values.keys() & changes.keys() if isinstance(changes[key], dict)}
    return {**values, **changes, **{key: merged(values[key], changes[key]) for key in nested}}


def insert(file: Path, sequence: str, item: str) -> None:
    """Add an item at the end of a sequence that a module assigns."""
    text = file.read_text()
    assigned = re.search(rf"^{sequence}\b[^=\n]*= \((?:.*?)^\)", text, flags=re.DOTALL | re.MULTILINE)
    assert assigned is not None, f"{file} does not assign {sequence}"
    end = assigned.end() - 1
    file.write_text(f"{text[:end]}    {item.strip()},\n{text[end:]}")


def test_a_model_takes_two_files(extend: Callable[[str], Extended]) -> None:
    extended = extend("A model")
    assert extended.changed() == {"electrode_bench/models/nearest.py"}
    extended.run("fit", "nearest", "grouped", "--no-publish")
    assert extended.project.run("nearest", "grouped").config == {"neighbours": 5}
    extended.fit("nearest", "stratified", "loco", "bootstrap")
    extended.run("compare")
    assert "Nearest neighbours" in extended.run("show")
    table = extended.project.comparison("table")
    assert set(table.loc[table["protocol"] == "grouped", "model"]) == {"control", "rf_magpie", "nearest"}


def test_a_metric_takes_one_file(extend: Callable[[str], Extended]) -> None:
    extended = extend("A metric")
    assert extended.changed() == {"electrode_bench/evaluation/metrics.py"}
    extended.run("compare")
    assert "Median error" in extended.run("show", "--full")
    table, scores = extended.project.comparison("table"), extended.project.comparison("scores")
    for target in TARGETS:
        assert table[f"{target}/median_error"].gt(0).all()
    assert "median_error" in {*scores.columns, *scores.get("metric", [])}


def test_a_feature_set_takes_two_files(extend: Callable[[str], Extended]) -> None:
    extended = extend("A feature set")
    assert extended.changed() == {"electrode_bench/features/diversity.py"}
    extended.run("featurize", "diversity")
    features = extended.project.features("diversity")
    assert list(features.columns) == ["elements", "largest fraction"]
    assert features["largest fraction"].between(0, 1).all()
    assert "diversity" in yaml.safe_load(extended.project.paths.params.read_text())["featurize"]["sets"]


def test_a_protocol_takes_two_files(extend: Callable[[str], Extended]) -> None:
    extended = extend("A protocol")
    assert extended.changed() == {"electrode_bench/splits/leave_one_ion_out.py"}
    extended.run("split")
    table = extended.project.table().set_index(ID)
    folds = from_frame(pd.read_parquet(extended.project.paths.folds))["leave_one_ion_out"]
    assert {fold.key for fold in folds} == {
        f"ion-{ion}" for ion, rows in table["working_ion"].value_counts().items() if rows >= 20
    }
    extended.run("fit", "control", "leave_one_ion_out", "--no-publish")
    extended.fit("rf_magpie", "leave_one_ion_out")
    extended.run("compare")
    assert "Leave one ion out" in extended.run("show")
    assert "leave_one_ion_out" in set(extended.project.comparison("table")["protocol"])


def test_a_raw_format_takes_one_file(extend: Callable[[str], Extended]) -> None:
    extended = extend("A raw format")
    assert extended.changed() == {"electrode_bench/data/readers/tab_separated.py"}
    before = extended.project.paths.table.read_bytes()
    (source,) = extended.project.paths.data.glob("*.csv")
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    source.unlink()
    source.with_suffix(".tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    extended.project.paths.table.unlink()
    extended.run("prepare")
    assert extended.project.paths.table.read_bytes() == before
    assert json.loads(extended.project.paths.card.read_text())["rejects"] == 0
