"""Drivers: trials are handed out once, continued, and never lost."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from support import postgresql
from support.studies import RecordingLogger, run_study

from electrode_bench import models
from electrode_bench.core.process import DriverProcess
from electrode_bench.fitting.executor import Local
from electrode_bench.models.search_space import Float
from electrode_bench.tuning import driver
from electrode_bench.tuning.distributions import distributions
from electrode_bench.tuning.storage import journal, load_study, open_study
from electrode_bench.tuning.study import StudySpec
from electrode_bench.tuning.summary import summarise

MakeSpec = Callable[..., StudySpec]


def test_a_study_tries_the_configured_values_first(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    opened = run_study(make_spec(), journal(tmp_path), logger, trials=6)
    assert (opened.created, opened.changed) == (True, ())
    assert logger.started == list(range(6))
    first = opened.study.trials()[0]
    assert first.params == {"n_estimators": 4, "min_samples_leaf": 1, "targets": "separate"}
    assert (first.is_configured, first.run_id) == (True, "run-0")
    assert [trial.result for trial in opened.study.trials()] == logger.results


def test_one_worker_draws_the_same_trials_again(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    drawn = [
        [trial.params for trial in run_study(make_spec(), journal(tmp_path / name), logger, trials=5).study.trials()]
        for name in "ab"
    ]
    assert drawn[0] == drawn[1]


def test_the_same_specification_continues_its_study(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    url = journal(tmp_path)
    run_study(make_spec(), url, logger, trials=2)
    again = run_study(make_spec(), url, logger, trials=4)
    assert (again.created, len(again.study.trials())) == (False, 4)
    run_study(make_spec(), url, logger, trials=4)
    assert len(again.study.trials()) == 4


def test_more_workers_lose_and_repeat_nothing(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    opened = run_study(make_spec(), journal(tmp_path), logger, trials=8, workers=2)
    assert sorted(logger.started) == sorted(result.number for result in logger.results) == list(range(8))
    assert opened.study.count() == 8
    assert {result.worker for result in logger.results} != {f"{os.uname().nodename}:{os.getpid()}"}


def test_a_model_from_outside_the_package_is_tuned_by_worker_processes(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    spec = models.from_module("support.fragile_model")
    study = make_spec(spec, base={"shift": 0.5}, space={"shift": Float(0.0, 1.0)})
    opened = run_study(study, journal(tmp_path), logger, trials=4, workers=2)
    assert {result.state for result in logger.results} <= {"complete", "pruned"}
    stored = load_study(journal(tmp_path), opened.study.name)
    best = stored.best()
    assert best is not None
    assert stored.model.module == "support.fragile_model"
    assert stored.configuration(best).model_dump()["shift"] == best.params["shift"]


class _InterruptedExecutor:
    """Runs two calls; Ctrl-C comes while the third is handed out."""

    n_workers, shares_files, n_hosts = 1, True, 1

    def run(self, function: Callable[..., Any], calls: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        for i, call in enumerate(calls):
            if i == 2:
                raise KeyboardInterrupt
            yield function(*call)


def test_an_interrupted_trial_is_tried_again(make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path) -> None:
    spec, url = make_spec(), journal(tmp_path)
    study = open_study(spec, url=url, trials=4).study
    with pytest.raises(KeyboardInterrupt):
        driver.run_trials(spec, study, url=url, trials=4, seconds=None, executor=_InterruptedExecutor(), logger=logger)
    assert logger.lost == [(2, "interrupted")]
    assert (study.count(), study.trials()[2].state) == (2, "given up")
    again = run_study(spec, url, logger, trials=4).study
    assert again.count() == 4
    assert again.trials()[3].params == again.trials()[2].params


class _DeadlyExecutor:
    """Two processes, the first of which to start a trial dies of it."""

    n_workers, shares_files, n_hosts = 2, True, 1

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def run(self, function: Callable[..., Any], calls: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        yield from Local(2).run(_die_once, ((str(self.mark), function, *call) for call in calls))


def _die_once(mark: str, function: Callable[..., Any], *call: Any) -> Any:
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return function(*call)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def test_the_trials_of_a_killed_worker_are_tried_again(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    spec, url = make_spec(), journal(tmp_path)
    study = open_study(spec, url=url, trials=4).study
    executor = _DeadlyExecutor(tmp_path / "died")
    driver.run_trials(spec, study, url=url, trials=4, seconds=None, executor=executor, logger=logger)
    assert (tmp_path / "died").exists()
    assert logger.lost
    assert "worker" in logger.lost[0][1]
    assert study.count() == 4


def test_a_trial_that_kills_two_workers_is_not_tried_again(make_spec: MakeSpec, tmp_path: Path) -> None:
    study = open_study(make_spec(), url=journal(tmp_path), trials=1).study
    for number in range(2):
        trial = study.optuna.ask()
        assert trial.number == number
        trial.suggest_int("n_estimators", 2, 6)
        assert driver.give_up(study, number, reason="a worker process was killed")
    assert [trial.state for trial in study.trials()] == ["given up", "fail"]
    assert study.count() == 1


@pytest.mark.parametrize(("trees", "expected"), [(4, True), (40, False)], ids=["configured", "outside the space"])
def test_the_retry_of_the_configured_trial_counts_as_configured(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path, trees: int, expected: bool
) -> None:
    """The first trial is a random one when the configured values lie outside the space."""
    spec, url = make_spec(base={"n_estimators": trees}), journal(tmp_path)
    study = open_study(spec, url=url, trials=2).study
    study.optuna.ask(distributions(spec.space))
    assert driver.give_up(study, 0, reason=driver.INTERRUPTED)
    run_study(spec, url, logger, trials=2)
    retry = study.trials()[1]
    assert retry.params == study.trials()[0].params
    assert retry.is_configured is expected
    assert ("configured" in summarise(study)) is expected


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as address:
        yield address


@pytest.fixture(params=["journal", pytest.param("postgresql", marks=postgresql.needed)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty storage of either kind."""
    if request.param == "journal":
        yield journal(tmp_path)
    else:
        yield postgresql.database(request.getfixturevalue("server"), f"studies-{uuid.uuid4().hex}")
        postgresql.close_connections()


def _start(spec: StudySpec, url: str, folder: Path, number: int) -> tuple[bool, int]:
    """Open the study when all six are ready to."""
    (folder / f"ready-{number}").touch()
    while len(list(folder.glob("ready-*"))) < 6:
        time.sleep(0.001)
    opened = open_study(spec, url=url, trials=3)
    return opened.created, opened.study.optuna.ask().number


def test_six_processes_start_at_once_on_an_empty_storage(make_spec: MakeSpec, empty: str, tmp_path: Path) -> None:
    started = list(Local(6).run(_start, ((make_spec(), empty, tmp_path, i) for i in range(6))))
    assert sorted(created for created, _ in started) == [False] * 5 + [True]
    assert sorted(number for _, number in started) == list(range(6))


def _drive(spec: StudySpec, url: str, trials: int) -> list[int]:
    logger = RecordingLogger()
    run_study(spec, url, logger, trials=trials)
    assert logger.lost == []
    return [result.number for result in logger.results]


def test_two_drivers_share_a_study(make_spec: MakeSpec, empty: str) -> None:
    """Each has a worker of its own; no trial is lost or counted twice."""
    spec = make_spec()
    study = run_study(spec, empty, RecordingLogger(), trials=1).study
    numbers = list(Local(2).run(_drive, ((spec, empty, 9) for _ in range(2))))
    trials = study.trials()
    assert sorted(number for driven in numbers for number in driven) == list(range(1, len(trials)))
    # Each of the two may start the last missing trial.
    assert 9 <= study.count() <= 10
    assert all(trial.has_ended for trial in trials)
    drawn = [tuple(trial.params.values()) for trial in trials]
    assert len(set(drawn)) > len(drawn) // 2


def test_the_trials_of_a_dead_driver_are_reaped(make_spec: MakeSpec, dead_process: int, tmp_path: Path) -> None:
    spec, url = make_spec(), journal(tmp_path)
    study, host = open_study(spec, url=url, trials=9).study, os.uname().nodename
    dead, alive = DriverProcess(host, dead_process), DriverProcess.this_process()
    for process in (dead, alive, DriverProcess("another-host", 1)):
        trial = study.optuna.ask()
        trial.suggest_int("n_estimators", 2, 6)
        trial.set_user_attr("driver", process.as_json())
    assert driver.reap(url) == [(study.name, 0)]
    assert driver.reap(url) == []
    assert driver.reap(url, silent_for=0.0) == [(study.name, 2)]
    assert study.trials()[1].state == "running"
    # Others do not wait for a trial whose driver was killed before it had written its name.
    study.optuna.ask()
    assert study.count(running=True) == study.count() + 1
    assert driver.reap(url) == []


def test_a_study_runs_while_a_driver_has_trials_under_way(make_spec: MakeSpec, tmp_path: Path) -> None:
    study = open_study(make_spec(), url=journal(tmp_path), trials=1).study
    trial = study.optuna.ask()
    assert not study.is_running()
    trial.set_user_attr("driver", DriverProcess.this_process().as_json())
    assert study.is_running()
    study.optuna.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert not study.is_running()
