"""Studies: named by what their values depend on, gone on with, pruned, and none of their trials lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from support import postgresql

from electrode_bench import models
from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Local
from electrode_bench.models.search_space import Choice, Float, Int
from electrode_bench.params import Sweep
from electrode_bench.tuning import driver, trial
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.storage import journal, masked, open_study, pruner, sampler, storage
from electrode_bench.tuning.study import Part, StudySpec

Make = Callable[..., StudySpec]


def _run(setting: StudySpec, url: str, book, *, trials: int, places: int = 1):
    opened = open_study(setting, url=url, trials=trials)
    driver.run(setting, opened, url=url, trials=trials, seconds=None, executor=Local(places), book=book)
    return opened


def test_a_sweep_tries_the_configured_values_first_and_the_best_can_be_made_again(
    make_spec: Make, logger, tmp_path: Path
) -> None:
    setting, url = make_spec(), journal(tmp_path)
    opened = _run(setting, url, logger, trials=6)
    assert (opened.created, opened.changed) == (True, ())
    assert logger.started == list(range(6))
    first = opened.study.trials[0]
    assert trial.tried(first, setting.space) == {"n_estimators": 4, "min_samples_leaf": 1, "targets": "separate"}
    best = studies.best(opened.study)
    assert best is not None
    done = [o for o in logger.results if o.state == "complete"]
    assert best.values[0] == min(o.values[0] for o in done) <= first.values[0]
    assert trial.evaluated_again(setting, best) == best.values[0]
    for outcome in done:
        by_fold = [np.mean([scores[t] for t in TARGETS]) for scores in outcome.folds.values()]
        assert outcome.values == (pytest.approx(np.mean(by_fold)),)
    summary = studies.summary(opened.study, space=setting.space)
    assert summary["configured"] == first.values[0]
    assert f"best {best.values[0]:.4f} (trial {best.number})" in studies.sentence(summary)
    table = studies.table(opened.study, space=setting.space)
    assert table["trial"].tolist() == list(range(6))
    assert "<h2>History</h2>" in studies.page(opened.study)


def test_one_worker_draws_the_same_trials_again(make_spec: Make, logger, tmp_path: Path) -> None:
    setting = make_spec()
    values = [
        [t.params for t in _run(setting, journal(tmp_path / name), logger, trials=5).study.trials] for name in "ab"
    ]
    assert values[0] == values[1]


def test_the_same_setting_goes_on_and_a_changed_one_says_why(make_spec: Make, logger, tmp_path: Path) -> None:
    setting, url = make_spec(), journal(tmp_path)
    _run(setting, url, logger, trials=2)
    again = _run(setting, url, logger, trials=4)
    assert (again.created, len(again.study.trials)) == (False, 4)
    _run(setting, url, logger, trials=4)
    assert len(again.study.trials) == 4
    wider = replace(setting, space={**setting.space, "n_estimators": Int(2, 7)})
    assert open_study(wider, url=url, trials=2).changed == ("search space",)
    part = replace(spec.outer, targets=spec.outer.targets * 1.01)
    assert open_study(replace(wider, part=part), url=url, trials=2).changed == ("data",)
    halves = replace(part, folds=part.folds[:1])
    assert open_study(replace(wider, part=halves), url=url, trials=2).changed == ("inner folds",)
    other = replace(setting, base=models.configure("rf_magpie", {"n_estimators": 4, "max_depth": 3}))
    assert other.name != setting.name
    # What is searched does not count as configured.
    assert replace(setting, base=models.configure("rf_magpie", {"n_estimators": 5})).name == setting.name


def test_a_part_holds_no_other_rows(make_spec: Make) -> None:
    part = make_spec().part
    with pytest.raises(ValueError, match="holds rows that are not in the part"):
        Part(part.name, part.frame.iloc[1:], part.targets.iloc[1:], part.folds)


def test_more_workers_lose_and_repeat_nothing(make_spec: Make, logger, tmp_path: Path) -> None:
    opened = _run(make_spec(), journal(tmp_path), logger, trials=8, places=2)
    assert sorted(logger.started) == sorted(o.number for o in logger.results) == list(range(8))
    assert driver.counted(opened.study) == 8
    assert {o.worker for o in logger.results} != {f"{os.uname().nodename}:{os.getpid()}"}


def test_a_failing_trial_fails_alone_with_its_reason(make_spec: Make, logger, tmp_path: Path, monkeypatch) -> None:
    fit = models.rf_magpie.RandomForest.fit

    def sometimes(self, frame, targets):
        if self.config.targets == "joint":
            raise ValueError("no joint forests today")
        return fit(self, frame, targets)

    monkeypatch.setattr(models.rf_magpie.RandomForest, "fit", sometimes)
    setting = make_spec(sampler="random")
    opened = _run(setting, journal(tmp_path), logger, trials=6)
    states = {o.number: o for o in logger.results}
    joint = {n for n, o in states.items() if trial.tried(opened.study.trials[n], setting.space)["targets"] == "joint"}
    assert {n for n, o in states.items() if o.state == "fail"} == joint != set()
    assert all("ValueError: no joint forests today" in states[n].reason for n in joint)
    assert driver.counted(opened.study) == 6


@pytest.mark.parametrize(("needs", "state"), [(64, "complete"), (32, "fail")])
def test_out_of_memory_halves_the_batch_once(
    make_spec: Make, logger, tmp_path: Path, monkeypatch, needs: int, state: str
) -> None:
    """The model's memory holds batches of ``needs`` rows; 128 are asked for."""
    fit = models.modnet.MODNet.fit

    def small_memory(self, frame, targets):
        if self.config.batch_size > needs:
            raise MemoryError
        return fit(self, frame, targets)

    monkeypatch.setattr(models.modnet.MODNet, "fit", small_memory)
    base = {"epochs": 1, "members": 1, "shared": [4], "grouped": [4], "separate": [4]}
    setting = make_spec("modnet", space={"learning_rate": Float(1e-3, 1e-2)}, base=base)
    opened = _run(setting, journal(tmp_path), logger, trials=1)
    (outcome,) = logger.results
    assert (outcome.state, outcome.batch_size) == (state, 64)
    if state == "fail":
        assert outcome.reason == "out of memory"
    else:
        assert trial.configuration(setting, opened.study.trials[0]).batch_size == 64
        assert trial.evaluated_again(setting, opened.study.trials[0]) == outcome.values[0]


def test_hopeless_trainings_end_early_and_what_was_saved_is_told(make_spec: Make, logger, tmp_path: Path) -> None:
    base = {"epochs": 8, "members": 1, "shared": [16], "grouped": [8], "separate": [8], "batch_size": 16}
    # A rate of 1e-9 learns nothing.
    setting = make_spec("modnet", space={"learning_rate": Choice((3e-3, 1e-9))}, base=base, sampler="random")
    opened = _run(setting, journal(tmp_path), logger, trials=14)
    rates = {t.number: trial.tried(t, setting.space)["learning_rate"] for t in opened.study.trials}
    pruned = [o for o in logger.results if o.state == "pruned"]
    assert pruned
    assert {rates[o.number] for o in pruned} == {1e-9}
    # By epoch: before the first fold's end, which is step 4.
    assert min(o.steps[-1][0] for o in pruned) < 4
    assert "at epoch" in pruned[0].reason
    told = studies.saved(opened.study)
    assert told["pruned"] == len(pruned)
    assert "pruning saved about" in studies.sentence(studies.summary(opened.study, space=setting.space))


def test_plots_and_summary_have_the_same_importances(make_spec: Make, logger, tmp_path: Path) -> None:
    study = _run(make_spec(pruner="none"), journal(tmp_path), logger, trials=10).study
    shares = studies.importances(study)
    assert sum(shares.values()) == pytest.approx(1.0)
    drawn = studies.page(study).partition("Which parameters matter")[2].partition("<h2>")[0]
    assert all(repr(share) in drawn for share in shares.values()), shares


@pytest.mark.parametrize("model", ["modnet", "crabnet"])
def test_looking_in_on_a_training_changes_no_number(make_spec: Make, model: str) -> None:
    narrow = {"shared": [8], "grouped": [8], "separate": [8]} if model == "modnet" else {}
    setting = make_spec(model, base={"epochs": 3, "members": 1, "dropout": 0.1, **narrow})
    frame, targets = spec.outer.frame, spec.outer.targets
    plain = setting.spec.build(setting.base, 1).fit(frame, targets).predict(frame).mean
    seen = []
    watched = setting.spec.build(setting.base, 1)
    watched.watch = lambda done, planned, predict: seen.append((done, planned, predict(frame).mean))
    assert watched.fit(frame, targets).predict(frame).mean.equals(plain)
    assert [s[:2] for s in seen] == [(1, 3), (2, 3), (3, 3)]
    assert seen[-1][2].equals(plain)
    assert not seen[0][2].equals(plain)


def test_wilcoxon_reports_by_fold_and_two_objectives_are_not_pruned(make_spec: Make, logger, tmp_path: Path) -> None:
    setting = make_spec(pruner="wilcoxon")
    _run(setting, journal(tmp_path), logger, trials=2)
    assert [s for o in logger.results for s, _ in o.steps] == [0, 0]
    both = make_spec(against_seconds=True)
    opened = _run(both, journal(tmp_path), logger, trials=3)
    assert all(len(t.values) == 2 and t.values[1] > 0 for t in opened.study.trials)
    assert isinstance(pruner(both.how), optuna.pruners.NopPruner)
    assert "Pareto front" in studies.page(opened.study)


def test_a_gpu_is_named_by_what_its_number_counts_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert trial._of_host("cuda:0 H100") == "cuda:0 H100"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert trial._of_host("cuda:0 H100") == "cuda:0 H100 of CUDA_VISIBLE_DEVICES=3"
    assert trial._of_host("cpu") == "cpu"


def test_the_objective_may_be_one_target(make_spec: Make, logger, tmp_path: Path) -> None:
    _run(make_spec(objective="average_voltage"), journal(tmp_path), logger, trials=1)
    (outcome,) = logger.results
    assert outcome.values[0] == pytest.approx(np.mean([of["average_voltage"] for of in outcome.folds.values()]))


@pytest.mark.parametrize(
    ("kind", "trials", "two", "expected"),
    [("tpe", 10, False, "TPESampler"), ("random", 10, False, "RandomSampler"), ("gp", 10, False, "GPSampler"),
     ("auto", 100, False, "GPSampler"), ("auto", 1000, False, "TPESampler"), ("auto", 100, True, "TPESampler")],
)  # fmt: skip
def test_samplers(kind: str, trials: int, two: bool, expected: str) -> None:
    how = Sweep(sampler=kind, against_seconds=two)  # type: ignore[arg-type]
    assert type(sampler(how, trials=trials, seed=1)).__name__ == expected


def test_an_interrupted_trial_is_tried_again(make_spec: Make, logger, tmp_path: Path) -> None:
    setting, url = make_spec(), journal(tmp_path)

    class Interrupted:
        places, here = 1, True

        def run(self, function, calls):
            for i, call in enumerate(calls):
                if i == 2:
                    raise KeyboardInterrupt
                yield function(*call)

    opened = open_study(setting, url=url, trials=4)
    with pytest.raises(KeyboardInterrupt):
        driver.run(setting, opened, url=url, trials=4, seconds=None, executor=Interrupted(), logger=logger)
    assert logger.lost == [(2, "interrupted")]
    assert driver.counted(opened.study) == 2
    again = _run(setting, url, logger, trials=4)
    assert driver.counted(again.study) == 4
    assert again.study.trials[3].params == again.study.trials[2].params
    assert again.study.trials[3].user_attrs["again"] == 2


def test_a_killed_worker_costs_its_trials_one_more_chance(make_spec: Make, logger, tmp_path: Path) -> None:
    """The first time a worker kills itself in mid-trial; the trials it had are tried again."""
    setting, url = make_spec(), journal(tmp_path)
    opened = open_study(setting, url=url, trials=4)
    driver.run(setting, opened, url=url, trials=4, seconds=None, executor=_Deadly(tmp_path / "died"), logger=logger)
    assert (tmp_path / "died").exists()
    assert logger.lost
    assert "a worker process was killed" in logger.lost[0][1]
    assert driver.counted(opened.study) == 4


class _Deadly:
    """Two processes, the first of which to come to a trial dies of it."""

    places, here = 2, True

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def run(self, function, calls):
        yield from Local(2).run(_dying, ((str(self.mark), function, *call) for call in calls))


def _dying(mark: str, function, *call):
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return function(*call)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def test_a_trial_that_kills_two_workers_is_not_tried_again(make_spec: Make, tmp_path: Path) -> None:
    opened = open_study(make_spec(), url=journal(tmp_path), trials=1)
    for number in range(2):
        one = opened.study.ask()
        assert one.number == number
        one.suggest_int("n_estimators", 2, 6)
        assert driver.give_up(opened.study, number, reason="a worker process was killed")
    assert opened.study.trials[1].user_attrs["given_up"] is False
    assert [t.state.name for t in opened.study.trials] == ["FAIL", "FAIL"]
    assert driver.counted(opened.study) == 1


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture(params=["journal", pytest.param("postgresql", marks=postgresql.needed)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage of either kind in which nothing is."""
    if request.param == "journal":
        return journal(tmp_path)
    return postgresql.database(request.getfixturevalue("server"), f"studies-{uuid.uuid4().hex}")


def _start(setting: StudySpec, url: str, folder: Path, number: int) -> tuple[bool, int]:
    """Open the study when all six are ready to."""
    (folder / f"ready-{number}").touch()
    while len(list(folder.glob("ready-*"))) < 6:
        time.sleep(0.001)
    opened = open_study(setting, url=url, trials=3)
    return opened.created, opened.study.ask().number


def test_six_processes_start_at_once_on_an_empty_storage(make_spec: Make, empty: str, tmp_path: Path) -> None:
    calls = ((make_spec(), empty, tmp_path, i) for i in range(6))
    found = list(Local(6).run(_start, calls))
    assert sorted(created for created, _ in found) == [False] * 5 + [True]
    assert sorted(number for _, number in found) == list(range(6))


def test_two_drivers_share_a_study(make_spec: Make, empty: str) -> None:
    """Each with a worker of its own: none of the trials is lost, none counted twice."""
    setting = make_spec()
    first = _run(setting, empty, Silent(), trials=1)
    numbers = list(Local(2).run(_drive, ((setting, empty, 9) for _ in range(2))))
    assert sorted(n for of in numbers for n in of) == list(range(1, len(first.study.trials)))
    # The two may each begin a last trial when one is missing.
    assert 9 <= driver.counted(first.study) <= 10
    assert all(t.state.is_finished() for t in first.study.trials)
    drawn = [tuple(t.params.values()) for t in first.study.trials]
    assert len(set(drawn)) > len(drawn) // 2


class Silent:
    """A book that only counts."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def began(self, trial, config) -> None:
        pass

    def ended(self, outcome) -> None:
        self.numbers.append(outcome.number)

    def lost(self, number, reason) -> None:
        raise AssertionError(number, reason)


def _drive(setting: StudySpec, url: str, trials: int) -> list[int]:
    book = Silent()
    _run(setting, url, book, trials=trials)
    return book.numbers


def test_a_dead_drivers_trials_are_reaped_and_a_live_ones_are_not(make_spec: Make, tmp_path: Path) -> None:
    setting, url = make_spec(), journal(tmp_path)
    study = open_study(setting, url=url, trials=9).study
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for host, pid in ((os.uname().nodename, int(ended.stdout)), (os.uname().nodename, os.getpid()), ("elsewhere", 1)):
        one = study.ask()
        one.suggest_int("n_estimators", 2, 6)
        one.set_user_attr("driver", {"host": host, "pid": pid, "ticks": ""})
    assert driver.reap(url) == [(study.study_name, 0, study.trials[0]._trial_id)]
    assert driver.reap(url) == []
    assert driver.reap(url, silent_for=0.0) == [(study.study_name, 2, study.trials[2]._trial_id)]
    assert study.trials[1].state.name == "RUNNING"
    # A driver that was killed before it had put its name to a trial: others do not wait for it.
    study.ask()
    assert driver.counted(study, running=True) == driver.counted(study) + 1
    assert driver.reap(url) == []
    # The process number was given to another process since.
    assert driver.Driver(os.uname().nodename, os.getpid(), "1").alive() is False


@pytest.mark.parametrize(
    ("url", "message"),
    [("sqlite:///studies.db", "'sqlite:///studies.db' is no storage of studies"),
     ("postgresql://me:secret@127.0.0.1:1/none", r"postgresql://me@127.0.0.1:1/none cannot be reached")],
)  # fmt: skip
def test_a_storage_that_cannot_be_used_is_one_line(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        storage(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert masked("postgresql://me:p@host/db") == "postgresql://me@host/db"
