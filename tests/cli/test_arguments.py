"""Whatever is typed or written into params.yaml, a command works or says in one line what is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from support.mutations import damaged, mutated
from support.projects import QUICK

from electrode_bench.cli.inspect import _settings
from electrode_bench.cli.options import Options
from electrode_bench.errors import UserError
from electrode_bench.project import Project

#: Numbers, names and paths that people and programs pass by mistake.
VALUES = (
    "", "-1", "0", "1e999", "nan", "9" * 400, "99999999999999999999", "\ud800", "a\0b", "[/b]", "../..", "/dev/null",
    "/", "x" * 5000, "é", "--", "%s{}", "LiFePO4", "Li" * 300, "((((", "control", "grouped", "it's", "\x1b[2J", "1:2",
    "None", "journal:///x/y", "postgresql://u:p@[", "sqlite:///x", "params.yaml", "data",
)  # fmt: skip

#: Commands and options of each that take a value. Those that start a server or read a network are left out.
COMMANDS = {
    "predict": ("--ion", "--charged", "--model", "--neighbours", "--page"),
    "screen": ("--top", "--objective", "--rank", "--goal", "--ion", "--model", "--out", "--page", "--workers"),
    "show": (),
    "models": (),
    "params": (),
    "featurize": (),
    "fit": ("--workers", "--device", "--backend", "--gpus-per-fold", "--publish-over"),
    "sweep run": ("--trials", "--timeout", "--workers", "--device", "--backend", "--gpus-per-trial", "--storage"),
    "sweep list": ("--storage",),
    "sweep score": ("--trial", "--protocol", "--storage"),
    "sweep adopt": ("--trial", "--storage"),
    "data show": (),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_the_arguments_are_the_answer_is_a_line(
    run, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = random.Random(command)
    for _ in range(8):
        arguments = [*command.split(), *rng.choices(VALUES, k=rng.choice((0, 1, 1, 2)))]
        for option in rng.sample(COMMANDS[command], k=min(len(COMMANDS[command]), rng.choice((0, 1, 2)))):
            arguments += [option, rng.choice(VALUES)]
        code, _, err = run("-p", str(project.root), *arguments)
        last = err.splitlines()[-1] if err else ""
        assert code in (0, 1, 2), arguments
        assert code == 0 or last.startswith("error: "), (arguments, err)
        assert "a bug in electrode-bench" not in err, (arguments, err)
        assert len(last) < 3000


def test_whatever_was_changed_params_are_used_or_refused(tmp_path: Path) -> None:
    values = {**QUICK.model_dump(mode="json"), "sweep": {"spaces": {"rf_magpie": {"n_estimators": {"low": 50}}}}}
    text = yaml.safe_dump(values)
    changed = (yaml.safe_dump(each).encode() for each in mutated(values, seed=7, count=60))
    for content in [*changed, *damaged(text, seed=8, count=60)]:
        (tmp_path / "params.yaml").write_bytes(content)
        try:
            list(_settings(Options(root=tmp_path, debug=False).params))
        except UserError as error:
            message = str(error)
        else:
            continue
        assert "\n" not in message
