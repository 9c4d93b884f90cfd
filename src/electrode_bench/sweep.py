"""Tuning with Optuna: a study tries configurations of one model on inner folds of one training part.

What a study sees is a :class:`Part`: the rows of an outer fold's training part and folds of these rows. The outer fold's
test rows are not in it, so no trial can have seen them.

A study's name holds a digest of everything that its values depend on (``identity``): the same command goes on with the
same study, and a changed space, data or split is another one.
"""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from electrode_bench import models, runner, search_space
from electrode_bench.artifacts import digest
from electrode_bench.errors import UserError
from electrode_bench.executor import Executor, WorkerLost
from electrode_bench.metrics import control_mae, mae
from electrode_bench.models.base import DEVICE_VARIABLE, ModelSpec, Prediction, Watch, fit_predict
from electrode_bench.params import Strict, Sweep
from electrode_bench.schema import ID, TARGETS, Fold
from electrode_bench.search_space import Dimension
from electrode_bench.seeds import derive
from electrode_bench.splits import fold_digest

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

#: Trials before the median pruner ends any, and points of a trial before it looks at it.
_STARTUP_TRIALS, _WARMUP = 5, 2
#: Trials up to which `auto` takes the Gaussian process, whose cost grows with the cube of their number.
_FEW = 200
#: Workers that open an empty database at once collide; this often each of them tries again.
_TRIES = 8


@dataclass(frozen=True)
class Part:
    """All that a study sees.

    Parameters
    ----------
    name : of the outer fold, as ``grouped/fold-0``.
    frame, targets : features and targets of its training rows, by electrode id.
    folds : inner folds of these rows.
    """

    name: str
    frame: pd.DataFrame
    targets: pd.DataFrame
    folds: tuple[Fold, ...]

    def __post_init__(self) -> None:
        known = set(self.frame.index)
        for fold in self.folds:
            if not known.issuperset(fold.train_ids) or not known.issuperset(fold.test_ids):
                raise ValueError(f"the inner fold {fold.key} of {self.name} holds rows that are not in the part")


@dataclass(frozen=True)
class Setting:
    """One study: a model, what is searched and how, and what it is searched on.

    Parameters
    ----------
    base : the configuration in params.yaml: parameters outside ``space`` keep its values.
    seed : root seed of params.yaml.
    """

    spec: ModelSpec
    base: Strict
    space: Mapping[str, Dimension]
    how: Sweep
    part: Part
    seed: int

    @property
    def identity(self) -> dict[str, Any]:
        """Digests and names of all that the study's values depend on."""
        fixed = {k: v for k, v in self.base.model_dump(mode="json").items() if k not in self.space}
        return {
            "model": self.spec.name,
            "part": self.part.name,
            "search space": digest(search_space.as_json(self.space)),
            "fixed parameters": digest(fixed),
            "objective": f"{self.how.objective}{' and seconds' if self.how.against_seconds else ''}",
            "sampler": self.how.sampler,
            "pruner": f"{self.how.pruner}, {self.how.checkpoints} checkpoints",
            "inner folds": digest(sorted(fold_digest(fold) for fold in self.part.folds)),
            "data": digest(runner.data_digests(self.part.frame, self.part.targets)),
            "code": runner.code_digest(self.spec),
            "versions": digest(runner.versions(self.spec)),
            "seed": self.seed,
        }

    @property
    def name(self) -> str:
        """The study's: ``<model>-<part>-<digest of the identity>``."""
        return f"{self.spec.name}-{self.part.name.replace('/', '-')}-{digest(self.identity)[:10]}"

    def configured(self, values: Mapping[str, Any]) -> Strict:
        """The model's configuration with these values of the searched parameters."""
        return models.configure(self.spec.name, {**self.base.model_dump(mode="json"), **values}, where=self.name)


@dataclass(frozen=True)
class Job:
    """One trial on its way to a worker."""

    storage: str
    study: str
    number: int
    trial_id: int
    model: str
    config: Mapping[str, Any]
    part: str
    folds: tuple[Fold, ...]
    how: Sweep
    seed: int
    device: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: its state (complete, pruned, fail), and what was measured."""

    number: int
    state: str
    values: tuple[float, ...] = ()
    #: SMAE by inner fold and target.
    folds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: (step, value) as they were reported to the pruner.
    steps: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    #: Of a trial that was pruned or failed.
    reason: str = ""
    device: str = "cpu"
    worker: str = ""
    batch_size: int | None = None


# --- storage and studies ---


def journal(folder: Path) -> str:
    """The storage of one host: a journal file in ``folder``."""
    return f"journal:///{(folder / 'studies.journal').absolute()}"


@lru_cache(maxsize=4)
def storage(url: str) -> BaseStorage:
    """Optuna's storage: ``journal:///<path>`` on one host, ``postgresql://...`` where several share it.

    Raises
    ------
    UserError
        When it cannot be reached or used.
    """
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    scheme, _, rest = url.partition("://")
    if scheme == "journal":
        file = Path(rest[1:])
        file.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(file)))
    if scheme.partition("+")[0] not in ("postgresql", "mysql"):
        raise UserError(
            f"'{masked(url)}' is no storage of studies; give postgresql://user@host/database, "
            "or leave it out for a file beside the runs"
        )
    from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

    for attempt in range(_TRIES):
        try:
            return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
        except (OperationalError, ArgumentError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"the storage {masked(url)} cannot be reached: {reason}") from None
        except SQLAlchemyError:
            # Another worker made the tables a moment ago.
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError


def masked(url: str) -> str:
    """``url`` without a password."""
    import re

    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1@", url)


def sampler(how: Sweep, *, trials: int, seed: int) -> BaseSampler:
    """Optuna's sampler; ``trials`` is what the sweep aims at."""
    from optuna import samplers

    kind = how.sampler
    if kind == "auto":
        kind = "gp" if trials <= _FEW and not how.against_seconds else "tpe"
    if kind == "gp":
        return samplers.GPSampler(seed=seed)
    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed)


def pruner(how: Sweep) -> BasePruner:
    """Optuna's pruner; two objectives are not pruned."""
    from optuna import pruners

    if how.pruner == "median" and not how.against_seconds:
        return pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARMUP)
    if how.pruner == "wilcoxon" and not how.against_seconds:
        return pruners.WilcoxonPruner(p_threshold=0.1)
    return pruners.NopPruner()


@dataclass(frozen=True)
class Opened:
    """A study; ``created`` by this process, and what changed since the model's last one on this part."""

    study: Study
    created: bool
    changed: tuple[str, ...] = ()


def open_study(setting: Setting, *, url: str, trials: int) -> Opened:
    """The study of this setting, made when it is not there; the first trial tries what is configured now."""
    import optuna
    from optuna.exceptions import DuplicatedStudyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store, name = storage(url), setting.name
    directions = ["minimize", "minimize"] if setting.how.against_seconds else ["minimize"]
    try:
        study = optuna.create_study(
            study_name=name,
            storage=store,
            directions=directions,
            sampler=sampler(setting.how, trials=trials, seed=derive(setting.seed, "sampler", name)),
            pruner=pruner(setting.how),
        )
    except DuplicatedStudyError:
        # Workers that start together must not draw the same values: each has a seed of its own.
        own = derive(setting.seed, "sampler", name, platform.node(), os.getpid(), time.time_ns())
        study = optuna.load_study(
            study_name=name,
            storage=store,
            sampler=sampler(setting.how, trials=trials, seed=own),
            pruner=pruner(setting.how),
        )
        return Opened(study, created=False)
    changed = _changed(setting, store, name)
    study.set_user_attr("identity", setting.identity)
    study.set_user_attr("space", search_space.as_json(setting.space))
    study.set_user_attr("base", setting.base.model_dump(mode="json"))
    study.set_user_attr("how", setting.how.model_dump(mode="json"))
    study.set_user_attr("optuna", optuna.__version__)
    start = search_space.stored(setting.space, setting.base.model_dump(mode="json"))
    if start is not None:
        study.enqueue_trial(start, user_attrs={"configured": True})
    study.set_user_attr("ready", True)
    return Opened(study, created=True, changed=changed)


def _changed(setting: Setting, store: BaseStorage, name: str) -> tuple[str, ...]:
    """In what the study differs from the newest other one of this model and part."""
    others = [
        s.user_attrs["identity"]
        for s in sorted(store.get_all_studies(), key=lambda s: s._study_id)
        if s.study_name != name and s.user_attrs.get("identity", {}).get("part") == setting.part.name
        and s.user_attrs["identity"].get("model") == setting.spec.name
    ]  # fmt: skip
    if not others:
        return ()
    return tuple(key for key, value in setting.identity.items() if others[-1].get(key) != value)


# --- one trial ---


def evaluate(frame: pd.DataFrame, targets: pd.DataFrame, job: Job) -> Outcome:
    """Fit and score one trial on its inner folds, in a worker, and tell the study.

    A trial that is finished already (a lost worker's call that is made again) is not fitted again.
    """
    import optuna
    from optuna.trial import Trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(job.storage, job.study, job.how.model_dump_json())
    known = study._storage.get_trial(job.trial_id)
    if known.state.is_finished():
        return outcome_of(known)
    if job.device is not None:
        os.environ[DEVICE_VARIABLE] = job.device
    trial = Trial(study, job.trial_id)
    began = time.perf_counter()
    done = _attempt(frame, targets, job, trial)
    if done.state == "fail" and done.reason == _MEMORY and (smaller := _halved(job)) is not None:
        done = _attempt(frame, targets, smaller, trial)
    told = {
        **asdict(done),
        "seconds": time.perf_counter() - began,
        "worker": f"{platform.node()}:{os.getpid()}",
    }
    outcome = Outcome(**told)
    _tell(study, trial, outcome)
    return outcome


_MEMORY = "out of memory"


def _attempt(frame: pd.DataFrame, targets: pd.DataFrame, job: Job, trial: Trial) -> Outcome:
    from optuna import TrialPruned

    spec = models.spec(job.model)
    config = models.configure(job.model, dict(job.config), where=f"trial {job.number}")
    size = getattr(config, "batch_size", None)
    scores: dict[str, dict[str, float]] = {}
    steps: list[tuple[int, float]] = []
    began, device = time.perf_counter(), spec.device()
    state, reason = "complete", ""
    try:
        for fold in job.folds:
            scores[fold.key] = _fold(spec, config, fold, frame, targets, job, trial, scores, steps)
    except TrialPruned as error:
        state, reason = "pruned", str(error)
    except Exception as error:
        state, reason = "fail", _reason(error)
    values: tuple[float, ...] = ()
    if state == "complete":
        values = (float(np.mean([_objective(s, job.how) for s in scores.values()])),)
        if job.how.against_seconds:
            values = (*values, (time.perf_counter() - began) / len(job.folds))
    return Outcome(
        job.number,
        state,
        values=values,
        folds=scores,
        steps=tuple(steps),
        reason=reason,
        device=device,
        batch_size=size,
    )


def _fold(
    spec: ModelSpec,
    config: Strict,
    fold: Fold,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    job: Job,
    trial: Trial,
    before: Mapping[str, Mapping[str, float]],
    steps: list[tuple[int, float]],
) -> dict[str, float]:
    """SMAE of each target on one inner fold; reports to the pruner on the way."""
    from optuna import TrialPruned

    earlier = [_objective(s, job.how) for s in before.values()]
    place = len(earlier) * job.how.checkpoints
    last_fold = len(earlier) == len(job.folds) - 1

    def report(step: int, value: float, *, what: str) -> None:
        steps.append((step, value))
        trial.report(value, step)
        if trial.should_prune():
            raise TrialPruned(f"at {what} {fold.key} ({value:.4g})")

    def look(done: int, planned: int, predict: Callable[[pd.DataFrame], Prediction]) -> None:
        at = [round(planned * k / job.how.checkpoints) for k in range(1, job.how.checkpoints)]
        if done in at:
            now = _objective(_smae(predict(frame.loc[list(fold.test_ids)]).mean, fold, targets), job.how)
            report(place + at.index(done) + 1, float(np.mean([*earlier, now])), what=f"epoch {done} of {planned} of")

    by_epoch = job.how.pruner == "median" and not job.how.against_seconds
    seed = derive(job.seed, spec.name, "sweep", job.part, fold.key)
    scored = _score(spec, config, fold, frame, targets, seed, watch=look if by_epoch else None)
    value = _objective(scored, job.how)
    if job.how.against_seconds or last_fold:
        return scored
    if by_epoch:
        report(place + job.how.checkpoints, float(np.mean([*earlier, value])), what="the end of")
    elif job.how.pruner == "wilcoxon":
        report(len(earlier), value, what="the end of")
    return scored


def _score(
    spec: ModelSpec,
    config: Strict,
    fold: Fold,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    seed: int,
    *,
    watch: Watch | None = None,
) -> dict[str, float]:
    """SMAE of each target on one inner fold."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        predictions = fit_predict(
            spec,
            config,
            seed,
            frame=frame,
            targets=targets,
            train_ids=fold.train_ids,
            test_ids=fold.test_ids,
            watch=watch,
        )
    return _smae(predictions.pivot(index=ID, columns="target", values="y_pred"), fold, targets)


def _smae(mean: pd.DataFrame, fold: Fold, targets: pd.DataFrame) -> dict[str, float]:
    """From predictions (test rows by target, in units): MAE over that of the training mean."""
    train, test = targets.loc[list(fold.train_ids)], targets.loc[list(fold.test_ids)]
    return {
        t: mae(test[t].to_numpy(), mean.loc[test.index, t].to_numpy())
        / control_mae(test[t].to_numpy(), train[t].to_numpy())
        for t in TARGETS
    }


def _objective(smae: Mapping[str, float], how: Sweep) -> float:
    return float(np.mean(list(smae.values()))) if how.objective == "smae" else float(smae[how.objective])


def _halved(job: Job) -> Job | None:
    """The job with half the batch; None where the model has no batch, or one of a single row."""
    from dataclasses import replace

    size = job.config.get("batch_size")
    if not isinstance(size, int) or size < 2:
        return None
    return replace(job, config={**job.config, "batch_size": size // 2})


def _reason(error: Exception) -> str:
    # By name: to import torch for its class would cost models without it two seconds.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return _MEMORY
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]} ({Path(where.filename).name}:{where.lineno})"


def _tell(study: Study, trial: Trial, outcome: Outcome) -> None:
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "fail": TrialState.FAIL}[outcome.state]
    with suppress(RuntimeError, ValueError):
        # Told that it is over (interrupted, reaped) while it was being fitted: what was told stands.
        trial.set_user_attr("outcome", asdict(outcome))
        study.tell(trial, list(outcome.values) or None, state=state, skip_if_finished=True)


def outcome_of(trial: FrozenTrial) -> Outcome:
    """What is known of a finished trial."""
    known = dict(trial.user_attrs.get("outcome") or {})
    if not known:
        return Outcome(trial.number, trial.state.name.lower(), reason=str(trial.user_attrs.get("reason", "")))
    known["values"], known["steps"] = tuple(known["values"]), tuple((int(s), float(v)) for s, v in known["steps"])
    return Outcome(**known)


@lru_cache(maxsize=4)
def _study(url: str, name: str, how: str) -> Study:
    import optuna

    kind = pruner(Sweep.model_validate_json(how))
    return optuna.load_study(study_name=name, storage=storage(url), pruner=kind)


# --- many trials ---


class Book(Protocol):
    """Where a sweep writes down what happens; MLflow's is in sweep_tracking."""

    def began(self, trial: Trial, config: Strict) -> None:
        """A trial is handed to a worker."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended."""

    def lost(self, number: int, reason: str) -> None:
        """A trial was given up: it will be tried again under another number."""


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
    me, in_use = asdict(Driver.here()), dict.fromkeys(devices, 0)
    device_of: dict[int, str] = {}

    def jobs() -> Iterator[tuple[pd.DataFrame, pd.DataFrame, Job]]:
        while counted(study, running=True) < trials and (seconds is None or time.monotonic() - began < seconds):
            trial = study.ask()
            under_way[trial.number] = trial
            config = setting.configured(search_space.suggest(trial, setting.space))
            trial.set_user_attr("driver", me)
            book.began(trial, config)
            device = min(in_use, key=lambda name: in_use[name]) if in_use else None
            if device is not None:
                in_use[device] += 1
                device_of[trial.number] = device
            yield setting.part.frame, setting.part.targets, Job(
                storage=url, study=study.study_name, number=trial.number, trial_id=trial._trial_id,
                model=setting.spec.name, config=config.model_dump(mode="json"), part=setting.part.name,
                folds=setting.part.folds, how=setting.how, seed=setting.seed, device=device,
            )  # fmt: skip

    if progress:
        progress(min(counted(study), trials), trials)
    again = True
    while again:
        again = False
        try:
            for outcome in executor.run(evaluate, jobs()):
                under_way.pop(outcome.number, None)
                in_use.update({d: in_use[d] - 1 for d in [device_of.pop(outcome.number, None)] if d is not None})
                book.ended(outcome)
                if progress:
                    progress(min(counted(study), trials), trials)
        except WorkerLost as error:
            # Which of the trials killed it cannot be told: each gets one more chance.
            again = True
            _give_up(study, under_way, book, reason=str(error))
            in_use.update(dict.fromkeys(in_use, 0))
        except BaseException:
            _give_up(study, under_way, book, reason=INTERRUPTED)
            raise


INTERRUPTED = "interrupted"


def _give_up(study: Study, under_way: dict[int, Trial], book: Book, *, reason: str) -> None:
    for number in list(under_way):
        del under_way[number]
        if give_up(study, number, reason=reason):
            book.lost(number, reason)


def give_up(study: Study, number: int, *, reason: str) -> bool:
    """End a running trial that no one works on any more and queue its values again; False when it had ended.

    A trial that killed its worker twice is not tried a third time.
    """
    from optuna.trial import TrialState

    trial = study.trials[number]
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
            study.enqueue_trial(_in_storage(trial), user_attrs={"again": number, "killed": killed})
        return True
    return False


#: How many workers a trial may cost.
_CHANCES = 2


def _in_storage(trial: FrozenTrial) -> dict[str, Any]:
    return dict(trial.params)


def counted(study: Study, *, running: bool = False) -> int:
    """Trials that ended by themselves, and those under way too where ``running``."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    ended = sum(t.state.is_finished() and not t.user_attrs.get("given_up") for t in trials)
    return ended + (sum(t.state == TrialState.RUNNING for t in trials) if running else 0)


def reap(url: str, *, study: str | None = None, silent_for: float | None = None) -> list[tuple[str, int, int]]:
    """Give up running trials whose driver is dead: (study, number, id of the trial in the storage) of each.

    A driver of another host counts as dead when the trial has run for ``silent_for`` seconds; None trusts it.
    """
    import optuna
    from optuna.trial import TrialState

    store = storage(url)
    out = []
    for name in optuna.get_all_study_names(store):
        if study is not None and name != study:
            continue
        loaded = optuna.load_study(study_name=name, storage=store)
        for trial in loaded.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            known = trial.user_attrs.get("driver")
            alive = Driver(**known).alive() if known else None
            started = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
            if alive is None and silent_for is not None:
                alive = time.time() - started < silent_for
            if alive is False and give_up(loaded, trial.number, reason=INTERRUPTED):
                out.append((name, trial.number, trial._trial_id))
    return out


def saved(study: Study) -> dict[str, float]:
    """What pruning saved: trials pruned, seconds spent on them, and seconds that whole trials would have taken more."""
    from optuna.trial import TrialState

    ended = [outcome_of(t) for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))]
    whole = [o.seconds for o in ended if o.state == "complete"]
    pruned = [o.seconds for o in ended if o.state == "pruned"]
    usual = float(np.mean(whole)) if whole else 0.0
    more = sum(max(0.0, usual - s) for s in pruned)
    return {"pruned": len(pruned), "seconds": float(sum(pruned)), "saved_seconds": float(more)}


def best(study: Study) -> FrozenTrial | None:
    """The complete trial with the smallest error (of two objectives, the first); of equal ones the earliest."""
    from optuna.trial import TrialState

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return min(done, key=lambda t: (t.values[0], t.number), default=None)


def configuration(setting: Setting, trial: FrozenTrial) -> Strict:
    """The configuration that the trial's value belongs to: with the batch that was halved, where memory was short."""
    from optuna.trial import FixedTrial

    values = search_space.suggest(FixedTrial(trial.params), setting.space)
    size = outcome_of(trial).batch_size
    return setting.configured(values | ({} if size is None else {"batch_size": size}))


def evaluated_again(setting: Setting, trial: FrozenTrial) -> float:
    """The trial's first value, from fits made anew: equal to the stored one on the same kind of machine."""
    config = configuration(setting, trial)
    values = []
    for fold in setting.part.folds:
        seed = derive(setting.seed, setting.spec.name, "sweep", setting.part.name, fold.key)
        values.append(
            _objective(_score(setting.spec, config, fold, setting.part.frame, setting.part.targets, seed), setting.how)
        )
    return float(np.mean(values))
