"""The benchmark: what it measures, its file of results, and the page that is written from it."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from support import ROOT

from benchmarks import document, machine, notes
from benchmarks.__main__ import main
from benchmarks.measuring import command, repeated
from benchmarks.parts import every, folds, growth
from benchmarks.parts.features import compared
from benchmarks.parts.pipeline import timed_stages
from benchmarks.projects import distinct_formulas
from benchmarks.results import Recorder, Results, recording
from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.errors import UserError

RATE = {"what": "rate", "flops_per_second": 8e10}


# --- measuring ---


def test_short_work_is_repeated_and_long_work_is_done_once() -> None:
    calls: list[int] = []
    assert repeated(lambda: calls.append(1), runs=5).runs == len(calls) == 5
    assert repeated(lambda: calls.append(1), runs=5, long=0.0).runs == 1


def test_processor_seconds_are_finer_than_a_hundredth_of_a_second() -> None:
    cost = repeated(lambda: sum(range(1000)))
    assert 0 < cost.cpu_seconds < 0.01


def test_the_memory_of_a_command_is_its_own(tmp_path: Path) -> None:
    ballast = bytearray(300_000_000)
    small = command([sys.executable, "-S", "-c", "pass"], folder=tmp_path, runs=2)
    assert small.runs == 2
    assert small.peak_mb < 100 < len(ballast) / 2**20
    large = command([sys.executable, "-S", "-c", "x = b'x' * 200_000_000"], folder=tmp_path, runs=1)
    assert large.peak_mb > 190


def test_a_command_that_fails_is_an_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        command([sys.executable, "-c", "import sys; sys.exit('no such luck')"], folder=tmp_path, runs=1)


def test_formulas_are_distinct(tmp_path: Path) -> None:
    formulas = distinct_formulas(9000, tmp_path)
    # A prediction asks for the working ion where a formula has two.
    assert {len(ION_CHARGE.keys() & re.findall("[A-Z][a-z]?", formula)) for formula in formulas} == {1}
    assert len(set(formulas)) == 9000


def test_what_the_reference_is_not_run_on_is_extrapolated() -> None:
    given: dict[str, list[int]] = {"ours": [], "theirs": []}
    seen: list[str] = []

    def task(name: str) -> Any:
        def remember(some: list[str]) -> None:
            given[name].append(len(some))
            seen.extend(some)

        return remember

    formulas = [f"Li{i}O" for i in range(1, 1000)]
    row = compared(task("ours"), task("theirs"), iter(formulas), 100, 10, power=2)
    # Each is first called with two formulas, which do not count.
    assert given == {"ours": [2] + [100] * 5, "theirs": [2] + [10] * 5}
    assert len(set(seen)) == len(seen)
    assert row["extrapolated_from"] == 10
    assert row["ratio"] == pytest.approx(row["reference_cpu_seconds"] / row["cpu_seconds"])


def test_the_stages_of_a_pipeline_are_timed_one_by_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    spin = 'python -c "import time; [0 for _ in iter(lambda: time.process_time() < 0.4, False)]"'
    stages = {"slow": {"cmd": spin, "outs": []}, "quick": {"cmd": "true"}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    rows = {row["stage"]: row for row in timed_stages(tmp_path)}
    # Stages that do not depend on each other run in any order.
    assert sorted(rows) == ["all", "dvc", "quick", "slow"]
    assert rows["slow"]["cpu_seconds"] >= 0.4
    assert rows["all"]["cpu_seconds"] >= rows["slow"]["cpu_seconds"]
    assert rows["all"]["seconds"] == pytest.approx(sum(rows[name]["seconds"] for name in ("dvc", "slow", "quick")))


@pytest.mark.parametrize("module", [folds, growth, machine], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_are_right(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


# --- results ---


def test_a_part_replaces_its_own_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    for part, value in (("limit", 1.0), ("startup", 2.0), ("limit", 3.0)):
        with recording(path, part, quick=True, data="none") as recorder:
            recorder.add({"what": "rate", "value": value})
    results = Results.read(path)
    assert results.value("limit", "value", what="rate") == 3.0
    assert results.value("startup", "value") == 2.0
    assert results.parts["limit"]["complete"] is True


def test_an_interrupted_part_keeps_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"

    def interrupted() -> None:
        with recording(path, "limit", quick=True, data="none") as recorder:
            recorder.add(RATE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    results = Results.read(path)
    assert results.rows("limit") == [RATE]
    assert results.parts["limit"]["complete"] is False


def test_numbers_are_rounded_and_never_nan(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    Recorder(path, "limit", {}).add({"a": 1.23456, "b": float("nan"), "c": 100_000})
    assert Results.read(path).rows("limit") == [{"a": 1.235, "b": None, "c": 100_000}]


def test_the_machine_has_a_neutral_name() -> None:
    about = machine.describe()
    assert set(about) == {"name", "processor", "cores", "memory_gib", "system", "python"}
    assert machine.name("AMD Ryzen 7 5800X 8-Core Processor", 8) == "amd-ryzen-7-5800x-8-cores"


def test_a_part_is_run_alone_and_unknown_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["speed"])
    assert "there is no part speed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["study"])
    assert "needs --snapshot" in capsys.readouterr().err


# --- the page ---


def test_the_committed_page_is_written_from_the_committed_results() -> None:
    text = document.PATH.read_text(encoding="utf-8")
    results = Results.read(document.results_of(text))
    assert document.render(results, notes.targets(), notes.ideas()) == text


def test_a_target_is_compared_with_what_was_measured() -> None:
    fast = {"model": "crabnet", "cpu_seconds": 10.0}
    slow = {"model": "crabnet_upstream", "extrapolated_cpu_seconds": 1500.0}
    results = Results(machine.describe(), {"reference": {"rows": [slow, fast]}})
    target = next(one for one in notes.targets() if "300 epochs" in one.what)
    ratio = target.measured[0]
    assert ratio.of(results) == 150
    assert ratio.met(150)
    assert not ratio.met(99)
    assert ratio.of(Results(machine.describe())) is None
    quick = Results(machine.describe(), {"reference": {"quick": True, "rows": [slow, fast]}})
    assert ratio.of(quick) is None


def test_every_command_of_the_targets_names_parts_that_there_are() -> None:
    for target in notes.targets():
        words = target.command.split()
        if words[:3] == ["python", "-m", "benchmarks"]:
            named = [word for word in words[3:] if not word.startswith("-") and word.islower()]
            assert set(named) <= set(every()), target.command
        for one in target.measured:
            assert {value.part for value in (one.value, one.over) if value} <= set(every())


def test_an_idea_with_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ideas.toml"
    path.write_text('[[idea]]\nwhat = "a"\nnumber = "b"\nkeep = true\ncommand = "c"\n')
    with pytest.raises(UserError, match="keep"):
        notes.ideas(path)


def test_an_empty_page_says_how_to_fill_it() -> None:
    text = document.render(Results(machine.describe()), notes.targets(), ())
    assert "Not measured on this machine yet: `python -m benchmarks limit`." in text
    assert "None is listed yet." in text


def test_the_results_in_git_have_the_name_of_their_machine() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        assert json.loads(path.read_text())["machine"]["name"] == path.stem
