"""Help, exit codes and error messages of all commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from support import forks

from electrode_bench import cli
from electrode_bench.project import Project


def _commands() -> list[tuple[str, ...]]:
    group = typer.main.get_command(cli.app)
    return [
        (name, *rest)
        for name, command in group.commands.items()
        for rest in ([(n,) for n in command.commands] if hasattr(command, "commands") else [()])
    ]


def test_the_help_explains_how_to_start(run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for word in ("dvc repro", "params.yaml", "exit with code 2", "prepare", "fit", "publish", "data"):
        assert word in " ".join(out.split())


def test_without_a_command_the_help_is_printed(run) -> None:
    code, out, err = run()
    assert code == 2
    assert "Usage" in out
    assert "error" not in err


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
        (["fit", "control", "loco"], "split/digest.json is missing; make it with: dvc repro split"),
        (
            ["fit", "crabnet_upstream", "stratified"],
            "crabnet_upstream skipped: no-reference-environment is missing; build it with: make reference",
        ),
        (["fit", "crabnet", "loco", "--device", "cuda:99"], "the device 'cuda:99' does not exist"),
        (["fit", "control", "loco", "--backend", "rai"], "unknown backend 'rai'; did you mean 'ray'?"),
        (["fit", "control", "loco", "--backend", "ray", "-w", "2"], "--workers (ELECTRODE_BENCH_WORKERS) is for --bac"),
        (["fit", "control", "loco", "--gpus-per-fold", "0.5"], "--gpus-per-fold is for --backend ray; local workers"),
        (["featurize", "magpy"], "unknown feature set 'magpy'; did you mean 'magpie'?"),
        (["models", "crabnt"], "unknown model 'crabnt'; did you mean 'crabnet'?"),
        (["compare"], "is missing; make it with: dvc repro"),
        (["report"], "table.csv is missing; make it with: dvc repro compare"),
        (["show"], "table.csv is missing; make it with: dvc repro compare"),
        (["data", "show"], "card.json is missing; make it with: dvc repro prepare"),
        (["map"], "table.parquet is missing; make it with: dvc repro prepare"),
        (["sweep", "rf_magpie"], "is missing; make it with: dvc repro"),
        (["sweep", "rf_magpi"], "unknown model 'rf_magpi'; did you mean 'rf_magpie'?"),
        (["sweep", "list", "--storage", "journal:///no/x.journal"], "no/x.journal does not exist"),
        (["sweep", "adopt", "x", "--storage", "journal:///no/x.journal"], "no/x.journal does not exist"),
    ],
)
def test_a_usage_error_is_one_line_with_exit_code_2(run, project: Project, arguments: list[str], message: str) -> None:
    code, out, err = run("--project", str(project.root), *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_an_unknown_protocol_is_a_usage_error(run, finished: Project) -> None:
    code, _, err = run("--project", str(finished.root), "fit", "control", "loc")
    assert (code, "'loc'; did you mean 'loco'?" in err) == (2, True), err


WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from electrode_bench.cli import main
main()
"""


def test_without_ray_the_command_says_how_to_install_it(project: Project) -> None:
    command = [sys.executable, "-c", WITHOUT_RAY, "-p", str(project.root), "fit", "control", "loco", "--backend", "ray"]
    failed = forks.run(command, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stderr) == (2, "error: Ray is not installed; install it with: make ray\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nmodels: {rf_magpie: {n_trees: 5}}", "models.rf_magpie: unknown key 'n_trees'"),
        ("seed: 1\nmodels: {rf_magpy: {}}", "unknown model 'rf_magpy'; did you mean 'rf_magpie'?"),
        ("seed: 1\nfit: {models: [rf_magpy]}", "unknown model 'rf_magpy'; did you mean 'rf_magpie'?"),
        ("seed: 1\nsplit: {protocols: [loc]}", "unknown protocol 'loc'; did you mean 'loco'?"),
        ("seed: 1\nsplit: {loco: {folds: 3}}", "split.loco: unknown key 'folds'"),
        ("seed: 1\nsplit: {lco: {}}", "unknown protocol 'lco'; did you mean 'loco'?"),
        ("seed: 1\nfeaturize: {sets: [magpy]}", "unknown feature set 'magpy'; did you mean 'magpie'?"),
        ("sed: 1", "unknown key 'sed'; did you mean 'seed'?"),
    ],
)
def test_a_wrong_params_file_stops_every_stage(run, project: Project, text: str, message: str) -> None:
    project.paths.params.write_text(text)
    code, _, err = run("--project", str(project.root), "prepare")
    assert (code, message in err) == (2, True), err
    assert not project.paths.results.exists()


def test_outside_a_project_every_command_says_so(run, tmp_path: Path) -> None:
    for command in (["prepare"], ["show"], ["data", "show"], ["ui"], ["compare"], ["publish"]):
        code, _, err = run("--project", str(tmp_path / "nowhere"), *command)
        assert (code, "params.yaml is missing; run the command in the project's folder" in err) == (2, True), err


def test_debug_shows_where_an_error_came_from(project: Project) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "--debug", "compare"]
    failed = forks.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" in failed.stderr
    assert "UserError" in failed.stderr


def test_the_command_line_starts_without_the_libraries_of_the_commands() -> None:
    code = (
        "import sys; sys.argv = ['electrode-bench', '--version']\n"
        "import electrode_bench.cli\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'sklearn', 'torch', 'mlflow', 'optuna', 'plotly'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_answer_of_the_pre_trained_model_needs_no_library_for_fits(tmp_path: Path) -> None:
    code = (
        "import atexit, sys; sys.argv = ['electrode-bench', 'predict', 'LiFePO4', '--json']\n"
        "heavy = {'sklearn', 'scipy.stats', 'scipy.optimize', 'lightgbm', 'torch', 'numba', 'mlflow'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from electrode_bench.cli import main; main()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stderr.strip() == "[]"


def test_a_closed_pipe_is_not_reported(project: Project) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "electrode_bench", "-p", str(project.root), "params"]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")
