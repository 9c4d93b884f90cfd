"""One trial: a configuration fitted and scored on the inner folds, in a worker."""

from __future__ import annotations

import os
import platform
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.evaluation.metrics import control_mae, mae
from electrode_bench.fitting import runs as runner
from electrode_bench.models import search_space
from electrode_bench.models.base import EpochCallback, ModelSpec, Prediction, fit_predict
from electrode_bench.models.device import DEVICE_VARIABLE
from electrode_bench.models.search_space import Dimension
from electrode_bench.params import Sweep
from electrode_bench.tuning.storage import pruner, storage
from electrode_bench.tuning.study import Job, Outcome, Setting

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial


_MEMORY = "out of memory"


def evaluate(frame: pd.DataFrame, targets: pd.DataFrame, job: Job) -> Outcome:
    """Fit and score one trial on its inner folds, in a worker, and tell the study.

    A trial that is finished already (a lost worker's call that is made again) is not fitted again. A worker with
    another version of the code is a UserError: its value would not be the study's.
    """
    import optuna
    from optuna.trial import Trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(job.storage, job.study, job.how.model_dump_json())
    known = study._storage.get_trial(job.trial_id)
    if known.state.is_finished():
        return outcome_of(known)
    runner.refuse_others(job.model, job.made_by)
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


def _attempt(frame: pd.DataFrame, targets: pd.DataFrame, job: Job, trial: Trial) -> Outcome:
    from optuna import TrialPruned

    spec = models.spec(job.model)
    config = models.configure(job.model, dict(job.config), where=f"trial {job.number}")
    size = getattr(config, "batch_size", None)
    scores: dict[str, dict[str, float]] = {}
    steps: list[tuple[int, float]] = []
    began, device = time.perf_counter(), _of_host(spec.device())
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


def _of_host(device: str) -> str:
    """The device with what its number counts in: ``cuda:0`` may be any GPU where Ray shows a worker one only."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f"{device} of CUDA_VISIBLE_DEVICES={visible}" if device.startswith("cuda") and visible else device


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
        with warnings.catch_warnings():
            # A call that is made again, after its machine was lost, reports what is known.
            warnings.filterwarnings("ignore", message=".*already reported", category=UserWarning)
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
    scored = _score(spec, config, fold, frame, targets, seed, epoch_callback=look if by_epoch else None)
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
    epoch_callback: EpochCallback | None = None,
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
            epoch_callback=epoch_callback,
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


def tried(trial: FrozenTrial, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """The searched parameters of a trial, as they would stand in params.yaml."""
    from optuna.trial import FixedTrial

    known = {name: of for name, of in space.items() if name in trial.params}
    return search_space.suggest(FixedTrial(trial.params), known)


def used(trial: FrozenTrial, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """What the trial's value belongs to: :func:`tried`, with the batch that was halved where memory was short."""
    size = outcome_of(trial).batch_size
    return tried(trial, space) | ({} if size is None else {"batch_size": size})


def configuration(setting: Setting, trial: FrozenTrial) -> Strict:
    """The configuration that the trial's value belongs to."""
    return setting.configured(used(trial, setting.space))


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
