"""The process that hands out a study's trials, and what happens to trials whose driver died."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.process import DriverProcess
from electrode_bench.fitting.executor import Executor, WorkerLost
from electrode_bench.fitting.runs import code_digest
from electrode_bench.tuning.distributions import decoded, distributions
from electrode_bench.tuning.storage import all_studies
from electrode_bench.tuning.stored_study import StoredStudy, result_of
from electrode_bench.tuning.study import StudySpec, TrialResult, TrialTask
from electrode_bench.tuning.trial import evaluate

if TYPE_CHECKING:
    from optuna.trial import Trial

INTERRUPTED = "interrupted"

#: A driver writes its name on a trial right after creating it; one without a name after so many seconds has no driver.
_UNNAMED = 60.0

#: A trial that lost so many workers is not tried again.
_MAX_LOST_WORKERS = 2


class StudyLogger(Protocol):
    """Records the progress of a study; ``tracking.studies`` has the one that writes to MLflow."""

    def on_trial_start(self, number: int, config: Strict) -> str | None:
        """A trial goes to a worker. Returns the id of its record, which the study keeps with it."""

    def on_trial_end(self, result: TrialResult) -> None:
        """A trial has ended."""

    def on_trial_lost(self, number: int, reason: str) -> None:
        """A trial was given up; it will be tried again under another number."""


def run_trials(
    spec: StudySpec,
    study: StoredStudy,
    *,
    url: str,
    trials: int,
    seconds: float | None,
    executor: Executor,
    logger: StudyLogger,
    devices: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Hand out trials until ``trials`` of the study have ended, or ``seconds`` have passed.

    Trials that this process loses, by an interruption or with their worker, are given up and tried again.

    Parameters
    ----------
    url : where the study is stored.
    devices : GPUs of this machine, which are given to trials in turn; empty leaves the choice to the worker.
    progress : called with (trials ended, trials wanted).
    """
    began = time.monotonic()
    under_way: dict[int, Trial] = {}
    device_of: dict[int, str] = {}
    driver, code = DriverProcess.this_process().as_json(), code_digest(spec.model.module)
    searched = distributions(spec.space)

    def start_trial() -> TrialTask:
        trial = study.optuna.ask(searched)
        under_way[trial.number] = trial
        config = spec.configure(decoded(trial.params, spec.space))
        trial.set_user_attr("driver", driver)
        run_id = logger.on_trial_start(trial.number, config)
        if run_id is not None:
            trial.set_user_attr("run_id", run_id)
        in_use = list(device_of.values())
        device = min(devices, key=in_use.count, default=None)
        if device is not None:
            device_of[trial.number] = device
        return TrialTask(
            storage=url, study=study.name, number=trial.number, trial_id=trial._trial_id, module=spec.model.module,
            config=config.model_dump(mode="json"), outer=spec.outer.name, folds=spec.outer.folds, options=spec.options,
            seed=spec.seed, code=code, device=device,
        )  # fmt: skip

    def calls() -> Iterator[tuple[pd.DataFrame, pd.DataFrame, TrialTask]]:
        while study.count(running=True) < trials and (seconds is None or time.monotonic() - began < seconds):
            with signals_held():
                task = start_trial()
            yield spec.outer.frame, spec.outer.targets, task

    def report_progress() -> None:
        if progress:
            progress(min(study.count(), trials), trials)

    report_progress()
    while True:
        try:
            for result in executor.run(evaluate, calls()):
                with signals_held():
                    under_way.pop(result.number, None)
                    logger.on_trial_end(result)
                device_of.pop(result.number, None)
                report_progress()
            return
        except WorkerLost as error:
            # It is not known which of the trials killed it: each gets one more chance.
            _give_up_all(study, under_way, logger, reason=str(error))
            device_of.clear()
        except BaseException:
            _give_up_all(study, under_way, logger, reason=INTERRUPTED)
            raise


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended, so that it is not left half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {s: signal.signal(s, lambda number, _: received.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler if handler is not None else signal.SIG_DFL)
    if received:
        signal.raise_signal(received[0])


def _give_up_all(study: StoredStudy, under_way: dict[int, Trial], logger: StudyLogger, *, reason: str) -> None:
    with signals_held():
        for number in list(under_way):
            del under_way[number]
            if give_up(study, number, reason=reason):
                logger.on_trial_lost(number, reason)
            else:
                # The worker had stored the result, and not yet returned it.
                logger.on_trial_end(result_of(study.optuna.get_trials(deepcopy=False)[number]))


def give_up(study: StoredStudy, number: int, *, reason: str) -> bool:
    """End a running trial that no process works on any more, and queue its values again; False when it had ended.

    A trial that killed its worker twice is not tried a third time.
    """
    from optuna.trial import TrialState

    trial = study.optuna.get_trials(deepcopy=False)[number]
    if trial.state.is_finished():
        return False
    lost = int(trial.user_attrs.get("killed", 0)) + (reason != INTERRUPTED)
    storage, retry = study.optuna._storage, lost < _MAX_LOST_WORKERS
    with suppress(RuntimeError):
        storage.set_trial_user_attr(trial._trial_id, "reason", reason)
        storage.set_trial_user_attr(trial._trial_id, "given_up", retry)
        if not storage.set_trial_state_values(trial._trial_id, TrialState.FAIL):
            return False
        if retry and trial.params:
            kept = {"configured": True} if trial.user_attrs.get("configured") else {}
            study.optuna.enqueue_trial(dict(trial.params), user_attrs={**kept, "again": number, "killed": lost})
        return True
    return False


def reap(url: str, *, silent_for: float | None = None) -> list[tuple[str, int]]:
    """Give up running trials whose driver is dead: (study, number) of each.

    ``silent_for`` as for :meth:`DriverProcess.is_dead`.
    """
    from optuna.trial import TrialState

    given_up = []
    for study in all_studies(url):
        for trial in study.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            since = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
            driver = trial.user_attrs.get("driver")
            if driver is None:
                dead = time.time() - since >= _UNNAMED
            else:
                dead = DriverProcess.from_json(driver).is_dead(since=since, silent_for=silent_for)
            if dead and give_up(study, trial.number, reason=INTERRUPTED):
                given_up.append((study.name, trial.number))
    return given_up
