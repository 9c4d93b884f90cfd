"""The process that hands out trials, and what becomes of those whose driver died."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.fitting import runs as runner
from electrode_bench.fitting.executor import Executor, WorkerLost
from electrode_bench.models import search_space
from electrode_bench.tuning.storage import Opened, storage
from electrode_bench.tuning.study import Job, Outcome, Setting
from electrode_bench.tuning.trial import evaluate, outcome_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial


class Book(Protocol):
    """Where a sweep writes down what happens; MLflow's is in sweep_tracking."""

    def began(self, trial: Trial, config: Strict) -> None:
        """A trial is handed to a worker."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended."""

    def lost(self, number: int, reason: str) -> None:
        """A trial was given up: it will be tried again under another number."""


INTERRUPTED = "interrupted"
#: Seconds after which a trial without a driver's name has none: it is written right after the trial is made.
_NAMELESS = 60.0
#: How many workers a trial may cost.
_CHANCES = 2


@dataclass(frozen=True)
class Driver:
    """The process that hands out trials: by it, one that is dead is told from one at work."""

    host: str
    pid: int
    #: Start of the process in clock ticks after boot, where the system tells: process numbers come again.
    ticks: str

    @classmethod
    def here(cls) -> Driver:
        return cls(platform.node(), os.getpid(), _ticks(os.getpid()) or "")

    def alive(self) -> bool | None:
        """None for a process of another host."""
        if self.host != platform.node():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        now = _ticks(self.pid)
        return now is None or not self.ticks or now == self.ticks

    def dead(self, *, since: float, silent_for: float | None) -> bool:
        """Whether work that it began at ``since`` (seconds since 1970) is nobody's any more.

        A driver of another host counts as dead when that was ``silent_for`` seconds ago; None trusts it.
        """
        alive = self.alive()
        return not alive if alive is not None else silent_for is not None and time.time() - since >= silent_for


def _ticks(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def run(
    setting: Setting,
    opened: Opened,
    *,
    url: str,
    trials: int,
    seconds: float | None,
    executor: Executor,
    book: Book,
    devices: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Hand out trials until the study has ``trials`` that ended, or ``seconds`` have passed.

    Trials that this process loses, by an interruption or with their worker, are given up and tried again: none is lost.

    Parameters
    ----------
    devices : of this machine, one of which a trial is given in turn; empty leaves the choice to the worker.
    progress : called with (trials ended, trials wanted).
    """
    study, began = opened.study, time.monotonic()
    under_way: dict[int, Trial] = {}
    device_of: dict[int, str] = {}
    me = asdict(Driver.here())
    made_by = runner.made_by(setting.spec.name)

    def jobs() -> Iterator[tuple[pd.DataFrame, pd.DataFrame, Job]]:
        while counted(study, running=True) < trials and (seconds is None or time.monotonic() - began < seconds):
            with undisturbed():
                trial = study.ask()
                under_way[trial.number] = trial
                config = setting.configured(search_space.suggest(trial, setting.space))
                trial.set_user_attr("driver", me)
                book.began(trial, config)
                taken = list(device_of.values())
                device = min(devices, key=taken.count, default=None)
                if device is not None:
                    device_of[trial.number] = device
            yield setting.part.frame, setting.part.targets, Job(
                storage=url, study=study.study_name, number=trial.number, trial_id=trial._trial_id,
                model=setting.spec.name, config=config.model_dump(mode="json"), part=setting.part.name,
                folds=setting.part.folds, how=setting.how, seed=setting.seed, made_by=made_by, device=device,
            )  # fmt: skip

    if progress:
        progress(min(counted(study), trials), trials)
    while True:
        try:
            for outcome in executor.run(evaluate, jobs()):
                with undisturbed():
                    under_way.pop(outcome.number, None)
                    book.ended(outcome)
                device_of.pop(outcome.number, None)
                if progress:
                    progress(min(counted(study), trials), trials)
            return
        except WorkerLost as error:
            # Which of the trials killed it cannot be told: each gets one more chance.
            _give_up(study, under_way, book, reason=str(error))
            device_of.clear()
        except BaseException:
            _give_up(study, under_way, book, reason=INTERRUPTED)
            raise


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block has ended: what it writes is whole, and known to this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {s: signal.signal(s, lambda number, _: came.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler if handler is not None else signal.SIG_DFL)
    if came:
        signal.raise_signal(came[0])


def _give_up(study: Study, under_way: dict[int, Trial], book: Book, *, reason: str) -> None:
    with undisturbed():
        for number in list(under_way):
            del under_way[number]
            if give_up(study, number, reason=reason):
                book.lost(number, reason)
            else:
                # The worker had told the study, and not yet this process.
                book.ended(outcome_of(study.get_trials(deepcopy=False)[number]))


def give_up(study: Study, number: int, *, reason: str) -> bool:
    """End a running trial that no one works on any more and queue its values again; False when it had ended.

    A trial that killed its worker twice is not tried a third time.
    """
    from optuna.trial import TrialState

    trial = study.get_trials(deepcopy=False)[number]
    if trial.state.is_finished():
        return False
    killed = int(trial.user_attrs.get("killed", 0)) + (reason != INTERRUPTED)
    storage = study._storage
    with suppress(RuntimeError):
        storage.set_trial_user_attr(trial._trial_id, "reason", reason)
        storage.set_trial_user_attr(trial._trial_id, "given_up", killed < _CHANCES)
        if not storage.set_trial_state_values(trial._trial_id, TrialState.FAIL):
            return False
        if killed < _CHANCES and trial.params:
            study.enqueue_trial(dict(trial.params), user_attrs={"again": number, "killed": killed})
        return True
    return False


def counted(study: Study, *, running: bool = False) -> int:
    """Trials that ended by themselves, and those under way too where ``running``."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    ended = sum(t.state.is_finished() and not t.user_attrs.get("given_up") for t in trials)
    if not running:
        return ended
    # One that no driver has put its name to is either new, or left by a driver that was killed just then.
    return ended + sum(t.state == TrialState.RUNNING and "driver" in t.user_attrs for t in trials)


def under_way(study: Study) -> bool:
    """Whether a driver has trials under way."""
    return counted(study, running=True) > counted(study)


def reap(url: str, *, silent_for: float | None = None) -> list[tuple[str, int, int]]:
    """Give up running trials whose driver is dead: (study, number, id of the trial in the storage) of each.

    ``silent_for`` as for :meth:`Driver.dead`.
    """
    import optuna
    from optuna.trial import TrialState

    store = storage(url)
    out = []
    for name in optuna.get_all_study_names(store):
        loaded = optuna.load_study(study_name=name, storage=store)
        for trial in loaded.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            known = trial.user_attrs.get("driver")
            since = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
            dead = (
                Driver(**known).dead(since=since, silent_for=silent_for) if known else time.time() - since >= _NAMELESS
            )
            if dead and give_up(loaded, trial.number, reason=INTERRUPTED):
                out.append((name, trial.number, trial._trial_id))
    return out
