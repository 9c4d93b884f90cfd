"""The stages as commands."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress

from support import forks

from electrode_bench.project import Project


def test_the_stages_one_by_one(run, project: Project) -> None:
    def output(*arguments: str) -> str:
        code, out, err = run("--project", str(project.root), *arguments)
        assert code == 0, err
        assert err == ""
        return out

    assert "120 electrodes" in output("prepare")
    assert "21 features" in output("featurize", "magpie_mean")
    assert "132 features" in output("featurize", "magpie")
    assert "280 features" in output("featurize", "modnet")
    assert "ElMD representatives" in output("map")
    assert "Leave one cluster out" in output("split")
    for model in ("control", "rf_magpie"):
        made = json.loads(output("fit", model, "stratified", "--no-publish", "--workers", "1", "--json"))
        assert (made["folds"], made["rows"]) == (3, 120)
        assert made["cell"] == project.run(model, "stratified").digests.run
    assert output("compare") == "2 models compared under 1 protocol; see: electrode-bench show\n"
    table = output("show", "--full")
    assert "RF@Magpie" in table
    assert "Synthetic data" in table
    assert "Gravimetric capacity, mAh/g" in table
    assert "Which model is better" in table
    assert re.search(r"RF@Magpie [<~] Control", table)
    assert "RF@Magpie" in output("show")
    # Without grouped folds, the intervals come from the stratified ones.
    assert "under stratified folds" in output("predict", "LiCrPO4", "--neighbours", "1", "--own")


def test_all_feature_sets_of_params_are_computed_and_no_other_stays(run, project: Project) -> None:
    root = ("--project", str(project.root))
    listed = ["magpie_mean", "elements"]
    assert run(*root, "prepare")[0] == 0
    assert run(*root, "featurize", "magpie")[0] == 0
    (project.root / "params.yaml").write_text(f"seed: 0\nfeaturize: {{sets: {listed}}}\n")
    code, out, err = run(*root, "featurize", "--json")
    assert (code, err) == (0, "")
    assert [made["feature_set"] for made in json.loads(out)] == listed
    written = {name: project.paths.features(name).read_bytes() for name in listed}
    assert {path.stem for path in project.paths.features("magpie").parent.glob("*.parquet")} == set(listed)
    assert run(*root, "featurize", "elements")[0] == 0
    assert project.paths.features("elements").read_bytes() == written["elements"]


def test_a_tracking_server_that_is_down_does_not_fail_the_fit(run, project: Project, monkeypatch) -> None:
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"]):
        assert run("--project", str(project.root), *stage)[0] == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, out, err = run("--project", str(project.root), "fit", "control", "stratified")
    assert code == 0
    assert "3 folds" in out
    assert "not logged to MLflow" in err
    assert "electrode-bench publish" in " ".join(err.split())
    assert project.paths.predictions("control", "stratified").exists()
    # A run that took less time may be left to `publish`, which is then the first to contact the server.
    code, _, err = run("--project", str(project.root), "fit", "control", "stratified", "--publish-over", "3600")
    assert (code, err) == (0, "")


def test_progress_is_shown_on_a_terminal_only(run, project: Project) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root)]
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"]):
        code, _, err = run("-p", str(project.root), *stage)
        assert (code, err) == (0, "")
    fit = [*command, "fit", "control", "stratified", "--no-publish"]
    assert forks.run(fit, check=True, capture_output=True).stderr == b""
    leader, follower = pty.openpty()
    terminal = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    forks.run(fit, check=True, stdout=subprocess.DEVNULL, stderr=follower, env=terminal)
    os.close(follower)
    shown = b""
    # A slow machine draws the bar more often than one read of the terminal returns. Its end is an error on Linux.
    with suppress(OSError):
        while chunk := os.read(leader, 1 << 16):
            shown += chunk
    assert "3/3" in shown.decode()
    assert "folds" in shown.decode()


def test_results_of_other_data_are_refused(run, project: Project) -> None:
    root = ("--project", str(project.root))
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"],
                  ["fit", "control", "stratified", "--no-publish"], ["compare"], ["show"]):  # fmt: skip
        assert run(*root, *stage)[0] == 0
    raw = project.paths.data / "cut.csv"
    raw.write_text("".join(raw.read_text().splitlines(keepends=True)[:90]))
    assert run(*root, "prepare")[0] == 0
    for command, message in (
        (["show"], "run: dvc repro"),
        (["map"], "run: dvc repro featurize"),
        (["compare"], "run: dvc repro"),
    ):
        code, _, err = run(*root, *command)
        assert (code, "other data" in err, message in err) == (2, True, True), err
    raw.write_text(raw.read_text().replace("synthetic-", "made-up-"))
    assert run(*root, "prepare")[0] == 0
    code, _, err = run(*root, "fit", "control", "stratified", "--no-publish")
    assert (code, "run: dvc repro split" in err) == (2, True), err
