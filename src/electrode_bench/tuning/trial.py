"""One trial: a configuration fitted and scored on the inner folds, in a worker."""

from __future__ import annotations

import math
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
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError, brief
from electrode_bench.evaluation.metrics import control_mae, mae, smae
from electrode_bench.fitting.runs import require_same_code
from electrode_bench.models.base import EpochCallback, ModelSpec, Prediction, fit_predict
from electrode_bench.models.device import DEVICE_VARIABLE
from electrode_bench.params import Sweep
from electrode_bench.tuning.storage import make_pruner, open_storage
from electrode_bench.tuning.stored_study import StoredTrial, result_of
from electrode_bench.tuning.study import StudySpec, TrialResult, TrialTask

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

_OUT_OF_MEMORY = "out of memory"


def evaluate(frame: pd.DataFrame, targets: pd.DataFrame, task: TrialTask) -> TrialResult:
    """Fit and score one trial on its inner folds, in a worker, and store the result in the study.

    A trial that has ended already (the call of a lost worker that is made again) is not fitted again. A worker with
    another version of the code is a UserError, because its value would not belong to the study.
    """
    import optuna
    from optuna.trial import Trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _study(task.storage, task.study, task.options.model_dump_json())
    stored = study._storage.get_trial(task.trial_id)
    if stored.state.is_finished():
        return result_of(stored)
    require_same_code(task.module, task.code)
    if task.device is not None:
        os.environ[DEVICE_VARIABLE] = task.device
    trial = Trial(study, task.trial_id)
    began = time.perf_counter()
    result = _Attempt(frame, targets, task, trial).result()
    if result.state == "fail" and result.reason == _OUT_OF_MEMORY and (smaller := _with_half_batch(task)) is not None:
        result = _Attempt(frame, targets, smaller, trial).result()
    result = replace(result, seconds=time.perf_counter() - began, worker=f"{platform.node()}:{os.getpid()}")
    _store(study, trial, result)
    return result


class _Attempt:
    """One attempt at a trial; a second one follows when the first ran out of memory."""

    def __init__(self, frame: pd.DataFrame, targets: pd.DataFrame, task: TrialTask, trial: Trial) -> None:
        self.frame, self.targets, self.task, self.trial = frame, targets, task, trial
        self.model = models.from_module(task.module)
        self.config = models.configure(self.model, task.config, where=f"trial {task.number}")
        self.scores: dict[str, dict[str, float]] = {}
        self.steps: list[tuple[int, float]] = []

    def result(self) -> TrialResult:
        from optuna import TrialPruned

        device = self.model.device()
        # Other processes on the machine lengthen the time of a fit, but not its processor time. A GPU's work is in
        # neither, except in the time that passes.
        clock = time.process_time if device == "cpu" else time.perf_counter
        began = clock()
        state, reason = "complete", ""
        values: tuple[float, ...] = ()
        try:
            self._require_variation()
            for fold in self.task.folds:
                self.scores[fold.key] = self._fold(fold)
            values = (float(np.mean(self._objectives())),)
            if not math.isfinite(values[0]):
                raise ValueError("the SMAE is not finite: the control makes no error on an inner fold")
        except TrialPruned as error:
            state, reason = "pruned", str(error)
        except Exception as error:
            state, reason, values = "fail", _reason(error), ()
        if values and self.task.options.against_seconds:
            values = (*values, (clock() - began) / len(self.task.folds))
        return TrialResult(
            self.task.number,
            state,
            values=values,
            folds=self.scores,
            steps=tuple(self.steps),
            reason=reason,
            device=device_on_host(device),
            batch_size=getattr(self.config, "batch_size", None),
        )

    def _objectives(self) -> list[float]:
        return [_objective(scores, self.task.options) for scores in self.scores.values()]

    def _require_variation(self) -> None:
        """Raise a UserError when the objective is not defined, before anything is fitted."""
        options = self.task.options
        needed = TARGETS if options.objective == "smae" else (options.objective,)
        for fold in self.task.folds:
            values = self.targets.loc[[*fold.train_ids, *fold.test_ids]]
            constant = [target for target in needed if values[target].nunique() < 2]
            if constant:
                raise UserError(
                    f"the SMAE of {', '.join(constant)} is not defined, because all values in {fold.key} are equal; "
                    "set sweep.objective to a target that varies, or use other data"
                )

    def _fold(self, fold: Fold) -> dict[str, float]:
        """SMAE of each target on one inner fold; reports to the pruner on the way."""
        options, earlier = self.task.options, self._objectives()
        first_step = len(earlier) * options.checkpoints
        by_epoch = options.pruner == "median" and not options.against_seconds

        def on_epoch(done: int, planned: int, predict: Callable[[pd.DataFrame], Prediction]) -> None:
            epochs = [round(planned * k / options.checkpoints) for k in range(1, options.checkpoints)]
            if done in epochs:
                predicted = predict(self.frame.loc[list(fold.test_ids)]).mean
                now = _objective(fold_smae(predicted, fold, self.targets), options)
                step = first_step + epochs.index(done) + 1
                self._report(step, float(np.mean([*earlier, now])), at=f"epoch {done} of {planned} of {fold.key}")

        seed = _seed(self.task.seed, self.model, self.task.outer, fold)
        scores = _score(
            self.model, self.config, fold, self.frame, self.targets, seed, callback=on_epoch if by_epoch else None
        )
        value = _objective(scores, options)
        is_last = len(earlier) == len(self.task.folds) - 1
        if options.against_seconds or is_last:
            return scores
        if by_epoch:
            value_so_far = float(np.mean([*earlier, value]))
            self._report(first_step + options.checkpoints, value_so_far, at=f"the end of {fold.key}")
        elif options.pruner == "wilcoxon":
            self._report(len(earlier), value, at=f"the end of {fold.key}")
        return scores

    def _report(self, step: int, value: float, *, at: str) -> None:
        from optuna import TrialPruned

        self.steps.append((step, value))
        with warnings.catch_warnings():
            # A call that is made again, after its machine was lost, repeats its reports.
            warnings.filterwarnings("ignore", message=".*already reported", category=UserWarning)
            self.trial.report(value, step)
        if self.trial.should_prune():
            raise TrialPruned(f"at {at} ({value:.4g})")


def device_on_host(device: str) -> str:
    """The device, with the GPUs that its number counts: ``cuda:0`` may be any GPU where Ray shows a worker only one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f"{device} of CUDA_VISIBLE_DEVICES={visible}" if device.startswith("cuda") and visible else device


def fold_smae(predicted: pd.DataFrame, fold: Fold, targets: pd.DataFrame) -> dict[str, float]:
    """SMAE of each target on a fold.

    Parameters
    ----------
    predicted : a row for each test electrode and a column for each target, in the target's unit.
    """
    train, test = targets.loc[list(fold.train_ids)], targets.loc[list(fold.test_ids)]
    return {
        target: smae(
            mae(test[target].to_numpy(), predicted.loc[test.index, target].to_numpy()),
            control_mae(test[target].to_numpy(), train[target].to_numpy()),
        )
        for target in TARGETS
    }


def reevaluate(spec: StudySpec, trial: StoredTrial) -> float:
    """The trial's first value from new fits: equal to the stored one on the same kind of machine."""
    config, outer = spec.configure(trial.adoptable), spec.outer
    values = []
    for fold in outer.folds:
        seed = _seed(spec.seed, spec.model, outer.name, fold)
        scores = _score(spec.model, config, fold, outer.frame, outer.targets, seed)
        values.append(_objective(scores, spec.options))
    return float(np.mean(values))


def _seed(root: int, model: ModelSpec, outer: str, fold: Fold) -> int:
    return derive(root, model.name, "sweep", outer, fold.key)


def _score(
    model: ModelSpec,
    config: Strict,
    fold: Fold,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    seed: int,
    *,
    callback: EpochCallback | None = None,
) -> dict[str, float]:
    """SMAE of each target on one inner fold."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        predicted = fit_predict(
            model,
            config,
            seed,
            frame=frame,
            targets=targets,
            train_ids=fold.train_ids,
            test_ids=fold.test_ids,
            epoch_callback=callback,
        )
    return fold_smae(predicted.targets.pivot(index=ID, columns="target", values="y_pred"), fold, targets)


def _objective(scores: Mapping[str, float], options: Sweep) -> float:
    return float(np.mean(list(scores.values()))) if options.objective == "smae" else float(scores[options.objective])


def _with_half_batch(task: TrialTask) -> TrialTask | None:
    """The task with half the batch size; None where the model has no batches, or batches of a single row."""
    size = task.config.get("batch_size")
    if not isinstance(size, int) or size < 2:
        return None
    return replace(task, config={**task.config, "batch_size": size // 2})


def _reason(error: Exception) -> str:
    # By the name of the class: importing torch for it would cost models without torch two seconds.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return _OUT_OF_MEMORY
    if isinstance(error, UserError):
        return brief(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {brief(error)} ({Path(where.filename).name}:{where.lineno})"


def _store(study: Study, trial: Trial, result: TrialResult) -> None:
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "fail": TrialState.FAIL}[result.state]
    with suppress(RuntimeError, ValueError):
        # When the trial was given up (interrupted or reaped) while it was being fitted, that stands.
        trial.set_user_attr("outcome", asdict(result))
        study.tell(trial, list(result.values) or None, state=state, skip_if_finished=True)


@lru_cache(maxsize=4)
def _study(url: str, name: str, options: str) -> Study:
    import optuna

    pruner = make_pruner(Sweep.model_validate_json(options))
    return optuna.load_study(study_name=name, storage=open_storage(url), pruner=pruner)
