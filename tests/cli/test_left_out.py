"""A protocol that the data has no folds for: no stage fails, no reader takes it for a run, and everyone is told."""

from __future__ import annotations

import json
import re
import string

import pandas as pd
import pytest
from support.projects import QUICK, write_params

from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import PREDICTION_COLUMNS
from electrode_bench.errors import UserError
from electrode_bench.params import Params
from electrode_bench.project import Project

REASON = "the data has no order in time: 120 of 120 electrode ids have no number (synthetic-aaab_K first)"


def _letters(match: re.Match[str]) -> str:
    """The number of an id in letters."""
    return "synthetic-" + "".join(string.ascii_lowercase[int(digit)] for digit in match[1])


def _chosen(*protocols: str) -> Params:
    split = {**QUICK.split.model_dump(mode="json"), "protocols": list(protocols)}
    return Params(**{**QUICK.model_dump(mode="json"), "split": split})


def test_a_protocol_without_folds_is_left_out_everywhere(run, project: Project) -> None:
    def output(*arguments: str) -> str:
        code, out, err = run("--project", str(project.root), *arguments)
        assert code == 0, err
        assert err == ""
        return out

    cut = project.paths.data / "cut.csv"
    cut.write_text(re.sub(r"synthetic-(\d+)", _letters, cut.read_text()))
    write_params(project, _chosen("grouped", "chronological"))
    for stage in (["prepare"], ["featurize", "magpie_mean"], ["featurize", "magpie"], ["featurize", "modnet"], ["map"]):
        output(*stage)
    assert f"the newest in test: left out: {REASON}" in output("split")
    assert project.left_out() == {"chronological": REASON}
    for model in ("control", "rf_magpie"):
        output("fit", model, "grouped", "--no-publish")
        told = output("fit", model, "chronological", "--no-publish")
        assert told == f"{model}: chronological is left out: {REASON}\n"
    assert json.loads(output("fit", "control", "chronological", "--json"))["left_out"] == REASON
    # The files that dvc.yaml lists are there.
    written = pd.read_parquet(project.paths.predictions("control", "chronological"))
    assert (list(written.columns), len(written)) == (list(PREDICTION_COLUMNS), 0)
    assert [(each.model, each.protocol) for each in project.runs()] == [
        ("control", "grouped"),
        ("rf_magpie", "grouped"),
    ]
    for call in (lambda: project.run("control", "chronological"), lambda: project.protocol_folds("chronological")):
        with pytest.raises(UserError, match="left out"):
            call()
    output("compare")
    table = output("show", "--full")
    assert f"(chronological): left out: {REASON}" in table
    assert set(project.comparison("table")["protocol"]) == {"grouped"}
    assert f"(chronological): left out: {REASON}" in output("show")
    assert f"left out: {REASON}." in output("show", "--full", "--markdown")
    assert json.loads(output("show", "--json"))["left_out"] == {"chronological": REASON}
    output("report")
    page = (project.root / "results" / "report" / "index.html").read_text()
    assert f"left out: {REASON}." in page
    assert "2 runs in" in output("publish")
    # Once the split has folds of the protocol, what was left out is not taken for a run of it.
    write_record({"protocols": project.split_digests(), "left_out": {}}, project.paths.split_digest)
    with pytest.raises(UserError, match=r"was left out .*; run: dvc repro fit@control"):
        project.runs()


def test_a_split_without_any_fold_says_why(run, project: Project) -> None:
    cut = project.paths.data / "cut.csv"
    cut.write_text(re.sub(r"synthetic-(\d+)", _letters, cut.read_text()))
    write_params(project, _chosen("chronological"))
    for stage in (["prepare"], ["featurize", "modnet"], ["map"]):
        assert run("--project", str(project.root), *stage)[0] == 0
    code, _, err = run("--project", str(project.root), "split")
    assert code != 0
    assert f"chronological is left out: {REASON}" in " ".join(err.split())
