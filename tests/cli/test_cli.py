from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main
from support.projects import QUICK, small_project
from support.serving import free_port

from electrode_bench import cli
from electrode_bench.core.artifacts import plain
from electrode_bench.project import Layout


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["electrode-bench", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    layout = small_project(tmp_path, shuffle=False)
    layout.params.write_text(json.dumps(plain(QUICK.model_dump(mode="json"))))
    return layout


def _commands() -> list[tuple[str, ...]]:
    group = typer.main.get_command(cli.app)
    return [
        (name, *rest)
        for name, command in group.commands.items()
        for rest in ([(n,) for n in command.commands] if hasattr(command, "commands") else [()])
    ]


def test_help_reads_like_a_manual(run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for word in ("dvc repro", "params.yaml", "exit code 2", "prepare", "fit", "publish", "data"):
        assert word in " ".join(out.split())


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_has_an_example_that_calls_it(run, command: tuple[str, ...]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    # `sweep MODEL` is short for `sweep run MODEL`.
    shown = [part for part in command if part != "run"]
    assert f"electrode-bench {' '.join(shown)}" in out.split("Example", 1)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fitt"], "No such command 'fitt'. Did you mean 'fit'"),
        (["fit"], "Missing argument 'model'"),
        (["fit", "rf_magpi", "loco"], "unknown model 'rf_magpi'; did you mean 'rf_magpie'?"),
        (["fit", "control", "loc"], "unknown protocol 'loc'; did you mean 'loco'?"),
        (["fit", "control", "loco"], "split/folds.parquet is missing; make it with: dvc repro split"),
        (
            ["fit", "crabnet_upstream", "stratified"],
            "crabnet_upstream skipped: no-reference-environment is missing; build it with: make reference",
        ),
        (["fit", "crabnet", "loco", "--device", "cuda:99"], "the device 'cuda:99' is not there"),
        (["fit", "control", "loco", "--backend", "rai"], "unknown backend 'rai'; did you mean 'ray'?"),
        (["fit", "control", "loco", "--backend", "ray", "-w", "2"], "--workers (ELECTRODE_BENCH_WORKERS) is for --bac"),
        (["fit", "control", "loco", "--gpus-per-fold", "0.5"], "--gpus-per-fold is for --backend ray; local workers"),
        (["featurize", "magpy"], "unknown feature set 'magpy'; did you mean 'magpie'?"),
        (["compare"], "split/folds.parquet is missing; make it with: dvc repro split"),
        (["report"], "table.csv is missing; make it with: dvc repro compare"),
        (["show"], "table.csv is missing; make it with: dvc repro compare"),
        (["data", "show"], "card.json is missing; make it with: dvc repro prepare"),
        (["map"], "table.parquet is missing; make it with: dvc repro prepare"),
        (["sweep", "rf_magpie"], "split/folds.parquet is missing; make it with: dvc repro split"),
        (["sweep", "rf_magpi"], "unknown model 'rf_magpi'; did you mean 'rf_magpie'?"),
        (["sweep", "list", "--storage", "journal:///no/x.journal"], "no studies are kept in no/x.journal: it is not t"),
        (["sweep", "adopt", "x", "--storage", "journal:///no/x.journal"], "no studies are kept in no/x.journal"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2(run, project: Layout, arguments: list[str], message: str) -> None:
    code, out, err = run("--project", str(project.root), *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from electrode_bench.cli import main
main()
"""


def test_without_ray_the_command_says_how_to_install_it(project: Layout) -> None:
    command = [sys.executable, "-c", WITHOUT_RAY, "-p", str(project.root), "fit", "control", "loco", "--backend", "ray"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stderr) == (2, "error: Ray is not installed; install it with: make ray\n")


def test_a_wrong_params_file_stops_every_stage(run, project: Layout) -> None:
    for text, message in (
        ("seed: 1\nmodels: {rf_magpie: {n_trees: 5}}", "models.rf_magpie: unknown key 'n_trees'"),
        ("seed: 1\nmodels: {rf_magpy: {}}", "unknown model 'rf_magpy'; did you mean 'rf_magpie'?"),
        ("sed: 1", "unknown key 'sed'; did you mean 'seed'?"),
    ):
        project.params.write_text(text)
        code, _, err = run("--project", str(project.root), "prepare")
        assert (code, message in err) == (2, True), err
    assert not project.results.exists()
    code, _, err = run("--project", str(project.root / "elsewhere"), "prepare")
    assert (code, "params.yaml is missing; run the command in the project's folder" in err) == (2, True)


def test_debug_shows_where_an_error_came_from(project: Layout) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "--debug", "compare"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" in failed.stderr
    assert "UserError" in failed.stderr


def test_the_stages_one_by_one(run, project: Layout) -> None:
    def say(*arguments: str) -> str:
        code, out, err = run("--project", str(project.root), *arguments)
        assert code == 0, err
        assert err == ""
        return out

    assert "120 electrodes" in say("prepare")
    assert "21 features" in say("featurize", "magpie_mean")
    assert "132 features" in say("featurize", "magpie")
    assert "280 features" in say("featurize", "modnet")
    assert "ElMD representatives" in say("map")
    assert "Leave one cluster out" in say("split")
    for model in ("control", "rf_magpie"):
        cell = json.loads(say("fit", model, "stratified", "--no-publish", "--workers", "1", "--json"))
        assert (cell["folds"], cell["rows"]) == (3, 120)
    table = say("compare")
    assert "RF@Magpie" in table
    assert "Synthetic data" in table
    assert "Gravimetric capacity, mAh/g" in table
    assert "Who is better" in table
    assert re.search(r"RF@Magpie [<~] Control", table)
    assert say("show").startswith(table)
    assert "| Average voltage, V | RF@Magpie | " in say("show", "--markdown")
    rows = json.loads(say("show", "--json"))
    assert rows["synthetic"] is True
    assert [r["model"] for r in rows["rows"]] == ["control", "rf_magpie"]
    assert rows["rows"][0]["average_voltage/smae"] == 1
    assert rows["pairs"][0]["other"] == "control"
    answer = say("predict", "LiFePO4", "--neighbours", "1")
    assert "LiFePO4, Li electrode, by RF@Magpie" in answer
    assert "under stratified folds" in answer
    assert "Synthetic data" in answer
    found = json.loads(say("predict", "LiAlSiO4", "--ion", "Li", "--json"))
    assert (found["model"], found["answers"][0]["working_ion"]) == ("rf_magpie", "Li")
    code, _, err = run("--project", str(project.root), "predict", "LiAlSiO4")
    assert (code, "say which one moves" in err) == (2, True)
    assert "split.bootstrap.sizes" in say("params")
    assert "Passes over the training compositions" in say("models", "crabnet")
    searched = {row["key"]: row["searched"] for row in json.loads(say("models", "crabnet", "--json"))}
    assert searched["epochs"] == "40 to 200, logarithmic"
    assert searched["loss"] == 'one of "l1", "robust_l1"'
    assert searched["patience"] == ""
    known = say("models")
    assert "n_estimators" in known
    assert "modnet_upstream skipped: no-reference-environment is missing" in known
    assert "mlflow ui" in say("ui", "--print")


def test_a_tracking_server_that_is_down_does_not_cost_the_fit(run, project: Layout, monkeypatch) -> None:
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"]):
        assert run("--project", str(project.root), *stage)[0] == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, out, err = run("--project", str(project.root), "fit", "control", "stratified")
    assert code == 0
    assert "3 folds" in out
    assert "not logged to MLflow" in err
    assert "electrode-bench publish" in " ".join(err.split())
    assert project.predictions("control", "stratified").exists()
    # A short cell may be left to `publish`, which then is the first to ask for the server.
    code, _, err = run("--project", str(project.root), "fit", "control", "stratified", "--publish-over", "3600")
    assert (code, err) == (0, "")


def test_progress_shows_on_a_terminal_only(run, project: Layout) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root)]
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"]):
        code, _, err = run("-p", str(project.root), *stage)
        assert (code, err) == (0, "")
    fit = [*command, "fit", "control", "stratified", "--no-publish"]
    assert subprocess.run(fit, check=True, capture_output=True).stderr == b""
    leader, follower = pty.openpty()
    terminal = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run(fit, check=True, stdout=subprocess.DEVNULL, stderr=follower, env=terminal)
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode()
    assert "3/3" in shown
    assert "folds" in shown


def test_results_of_other_data_are_refused(run, project: Layout) -> None:
    root = ("--project", str(project.root))
    for stage in (["prepare"], ["featurize", "modnet"], ["map"], ["split"],
                  ["fit", "control", "stratified", "--no-publish"], ["compare"], ["show"]):  # fmt: skip
        assert run(*root, *stage)[0] == 0
    raw = project.data / "cut.csv"
    raw.write_text("".join(raw.read_text().splitlines(keepends=True)[:90]))
    assert run(*root, "prepare")[0] == 0
    for command, message in (
        (["show"], "run: dvc repro"),
        (["map"], "run: dvc repro featurize@modnet"),
        (["compare"], "run: dvc repro"),
    ):
        code, _, err = run(*root, *command)
        assert (code, "other data" in err, message in err) == (2, True, True), err
    raw.write_text(raw.read_text().replace("synthetic-", "made-up-"))
    assert run(*root, "prepare")[0] == 0
    code, _, err = run(*root, "fit", "control", "stratified", "--no-publish")
    assert (code, "run: dvc repro split" in err) == (2, True), err


def test_a_port_in_use_is_told(run, project: Layout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = run("--project", str(project.root), "ui", "--port", str(port))
    assert (code, out) == (2, "")
    assert f"port {port} is in use; choose another" in err


def test_outside_a_project_every_command_says_so(run, tmp_path: Path) -> None:
    for command in (["show"], ["data", "show"], ["ui"], ["compare"], ["publish"]):
        code, _, err = run("--project", str(tmp_path / "nowhere"), *command)
        assert (code, "params.yaml is missing; run the command in the project's folder" in err) == (2, True), err


def test_without_a_command_the_help_is_all(run) -> None:
    code, out, err = run()
    assert code == 2
    assert "Usage" in out
    assert "error" not in err


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_the_command_that_started_it(told: signal.Signals) -> None:
    port = free_port()
    # A shell that waits for a server of its own, as MLflow's command waits for its web server.
    serve = f"{sys.executable} -m http.server {port} --bind 127.0.0.1 2>/dev/null & wait"
    script = f"import sys; from electrode_bench.cli import _served; sys.exit(_served({serve!r}))"
    command = subprocess.Popen([sys.executable, "-c", script])

    def listening() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    for _ in range(300):
        if listening():
            break
        time.sleep(0.1)
    assert listening()
    command.send_signal(told)
    assert command.wait(timeout=60) == 0
    for _ in range(100):
        if not listening():
            break
        time.sleep(0.1)
    assert not listening()
