"""The folds of runs: what decides each fit, and fitting in parallel those that the fold cache lacks."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.folds import Fold, FoldResult, fold_digest
from electrode_bench.core.seeds import derive
from electrode_bench.core.source_closure import SourceClosure, entry, source_closure
from electrode_bench.errors import UserError
from electrode_bench.fitting.cache_entries import remove_abandoned
from electrode_bench.fitting.claims import made_once
from electrode_bench.fitting.ensembles import combined, combined_resources
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.fold_cache import fold_folder, read_fold, store_fold
from electrode_bench.fitting.resources import measured
from electrode_bench.models.base import FoldPrediction, ModelSpec, fit_predict

#: Called with (folds done, folds in all) as folds finish, cached ones included.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FoldTask:
    """One fit: everything that its numbers depend on, and nothing else.

    ``key`` is the digest of (model, configuration, fold, features and targets, code, library versions, seed);
    ``module`` is the Python module that defines the model, by which a worker finds it. ``config`` holds plain values,
    because a worker cannot receive an object of a class before it has found the class's module. ``members`` has the
    tasks of an ensemble's members on the same fold, which are those of their own runs; the ensemble is combined from
    them and not fitted.
    """

    key: str
    module: str
    config: Mapping[str, Any]
    seed: int
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    members: Mapping[str, FoldTask] = field(default_factory=dict)


def plan(
    spec: ModelSpec,
    config: Strict,
    folds: Iterable[Fold],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    seed: int,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> dict[str, FoldTask]:
    """The task of each fold, by the fold's key; see :func:`plan_groups`."""
    return plan_groups(
        spec, config, {"": tuple(folds)}, frame=frame, targets=targets, seed=seed, member_frames=member_frames
    )[""]


def plan_groups(
    spec: ModelSpec,
    config: Strict,
    groups: Mapping[str, Sequence[Fold]],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    seed: int,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> dict[str, dict[str, FoldTask]]:
    """The tasks of the folds of each group (a protocol), by the fold's key.

    Parameters
    ----------
    frame : features, indexed by electrode id (no columns for a model without features).
    targets : the three targets on the same index, in their units.
    seed : root seed of params.yaml; the seed of each fit is derived from it and the names of model, protocol and fold.
    member_frames : the features that each member of an ensemble reads, by the member's name.
    """
    shared, values = identity(spec, config, frame=frame, targets=targets), config.model_dump(mode="json")
    members = {
        name: plan_groups(member.spec, member.config, groups, frame=member_frames[name], targets=targets, seed=seed)
        for name, member in models.members_of(config).items()
    }

    def task(group: str, fold: Fold) -> FoldTask:
        own = derive(seed, spec.name, fold.protocol, fold.key)
        of_members = {name: of_groups[group][fold.key] for name, of_groups in members.items()}
        # The members' keys stand for everything that their numbers depend on.
        key = digest([*shared, fold_digest(fold), own, *(task.key for task in of_members.values())])
        return FoldTask(key, spec.module, values, own, fold.train_ids, fold.test_ids, of_members)

    return {group: {fold.key: task(group, fold) for fold in folds} for group, folds in groups.items()}


def identity(spec: ModelSpec, config: Strict, *, frame: pd.DataFrame, targets: pd.DataFrame) -> list[Any]:
    """What every fit of one configuration on one table depends on."""
    data = data_digests(frame, targets)
    return [spec.name, config.model_dump(mode="json"), data, fit_closure(spec).digest, spec.versions()]


def fit_closure(spec: ModelSpec) -> SourceClosure:
    """The source code that decides the numbers of a fit: the model's, and how it is fitted and kept here.

    The code of an ensemble's members is not part of it.
    """
    made_by = entry(combined if spec.is_ensemble else _predictions)
    return source_closure(*spec.entries(), made_by, entry(write_table))


def data_digests(frame: pd.DataFrame, targets: pd.DataFrame) -> dict[str, str]:
    """Digests of the features and of the targets, rows in the order of their ids."""
    return {"features": digest_frame(frame.sort_index()), "table": digest_frame(targets.sort_index())}


def run_folds(
    tasks: Mapping[str, FoldTask],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> dict[str, FoldResult]:
    """The results of one run's folds, by the fold's key; see :func:`run_groups`."""
    groups = run_groups(
        {"": tasks},
        frame=frame,
        targets=targets,
        cache=cache,
        executor=executor,
        progress=progress,
        member_frames=member_frames,
    )
    with closing(groups):
        _, results = next(groups)
    return results


def run_groups(
    groups: Mapping[str, Mapping[str, FoldTask]],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Generator[tuple[str, dict[str, FoldResult]], None, None]:
    """Fit the folds that the cache lacks, in parallel; yield each group with its results once all its folds are there.

    The folds of all groups are fitted together, those with the most training rows first, so that all workers are busy
    until the end. For an ensemble, these are the folds of its members: those that their own runs have fitted are not
    fitted again, and the other way round.

    A fold is in the cache as soon as it is fitted, so a run that is killed at any time has kept all finished folds,
    and the next one fits only the others. A worker that shares this machine's files writes there itself; what another
    machine has fitted is written when it arrives.

    Parameters
    ----------
    groups : tasks by the fold's key, for each group (a protocol).
    frame, member_frames : as of :func:`plan`.
    progress : called with the folds done and the folds in all, of all groups together.
    """
    remove_abandoned(cache / "folds")
    cached = {
        name: {f: read_fold(cache, task.key, fold=f) for f, task in group.items()} for name, group in groups.items()
    }
    lacking = {
        name: [task for fold, task in group.items() if cached[name][fold] is None] for name, group in groups.items()
    }
    fits = [(task, frame) for tasks in lacking.values() for task in tasks if not task.members]
    # The members one after the other: a backend keeps the table that successive calls share.
    for member, of_member in member_frames.items():
        own = [task.members[member] for tasks in lacking.values() for task in tasks]
        fits += _largest_first((task, of_member) for task in own if read_fold(cache, task.key, fold=member) is None)
    if not member_frames:
        fits = _largest_first(fits)
    wanted = {
        name: {own.key for task in tasks for own in (task.members.values() if task.members else [task])}
        & {task.key for task, _ in fits}
        for name, tasks in lacking.items()
    }
    total = sum(map(len, groups.values())) * max(len(member_frames), 1)
    done = total - len(fits)
    if progress:
        progress(done, total)

    def complete(name: str) -> tuple[str, dict[str, FoldResult]]:
        for task in lacking[name]:
            if task.members:
                _combine_into_cache(task, frame, cache)
        results = {f: cached[name][f] or _kept(cache, task, fold=f) for f, task in groups[name].items()}
        return name, results

    for name in [name for name, keys in wanted.items() if not keys]:
        yield complete(name)
    with closing(_fit_pending(fits, targets=targets, cache=cache, executor=executor)) as fitted:
        for key in fitted:
            done += 1
            if progress:
                progress(done, total)
            for name, keys in wanted.items():
                if key in keys:
                    keys.discard(key)
                    if not keys:
                        yield complete(name)


def _largest_first(fits: Iterable[tuple[FoldTask, pd.DataFrame]]) -> list[tuple[FoldTask, pd.DataFrame]]:
    """Fits in the order of their cost: a long fit that begins last would leave the other workers idle."""
    return sorted(fits, key=lambda fit: -len(fit[0].train_ids))


def _kept(cache: Path, task: FoldTask, *, fold: str) -> FoldResult:
    """A fold that has just been fitted."""
    result = read_fold(cache, task.key, fold=fold)
    if result is None:
        raise UserError(f"{cache} lost the result of {fold} while it was being used; run the command again")
    return result


def _combine_into_cache(task: FoldTask, frame: pd.DataFrame, cache: Path) -> None:
    spec = models.from_module(task.module)
    members = {name: _kept(cache, own, fold=name) for name, own in task.members.items()}
    config = models.configure(spec, task.config, where=task.key)
    predicted = combined(spec, config, task.seed, members, frame.loc[list(task.test_ids)])
    store_fold(cache, task.key, predicted, combined_resources(members))


def code_digest(module: str) -> str:
    """Digest of the source code and the library versions that decide a model's numbers on this machine."""
    spec = models.from_module(module)
    return digest([fit_closure(spec).digest, spec.versions()])


def require_same_code(module: str, wanted: str) -> None:
    """Raise a UserError on a machine whose code or library versions (:func:`code_digest`) are not the wanted ones."""
    if code_digest(module) != wanted:
        raise UserError(
            f"{platform.node()} has another version of electrode-bench, or of a library that {module} needs; "
            "install the same (constraints.txt) on all nodes"
        )


#: A fold to be fitted, and the features that it is fitted on.
_Fit = tuple[FoldTask, pd.DataFrame]


def _fit_pending(
    fits: list[_Fit], *, targets: pd.DataFrame, cache: Path, executor: Executor
) -> Generator[str, None, None]:
    """Fit tasks, each on its features; yield the key of every fold once it is in the cache."""

    def fit(free: Iterable[_Fit]) -> Generator[Path, None, None]:
        if executor.shares_files:
            yield from executor.run(_fit_into_cache, ((task, frame, targets, cache) for task, frame in free))
            return
        wanted = functools.cache(code_digest)
        calls = ((task, frame, targets, wanted(task.module)) for task, frame in free)
        with closing(executor.run(_fit_elsewhere, calls)) as arriving:
            for key, predicted, resources in arriving:
                store_fold(cache, key, predicted, resources)
                yield fold_folder(cache, key)

    for folder in made_once(fits, entry=lambda fit: fold_folder(cache, fit[0].key), make=fit):
        yield folder.name


def _fit(task: FoldTask, frame: pd.DataFrame, targets: pd.DataFrame) -> tuple[FoldPrediction, dict[str, Any]]:
    """A fold's predictions, and the resources that the fit took."""
    spec = models.from_module(task.module)
    with measured() as resources:
        predictions = _predictions(spec, task, frame, targets)
    resources["device"] = spec.device()
    return predictions, resources


def _predictions(spec: ModelSpec, task: FoldTask, frame: pd.DataFrame, targets: pd.DataFrame) -> FoldPrediction:
    """A fold's predictions, by a fit on one thread: with more, the order of a sum and its last bits would differ."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return fit_predict(
            spec,
            models.configure(spec, task.config, where=task.key),
            task.seed,
            frame=frame,
            targets=targets,
            train_ids=task.train_ids,
            test_ids=task.test_ids,
        )


def _fit_into_cache(task: FoldTask, frame: pd.DataFrame, targets: pd.DataFrame, cache: Path) -> Path:
    store_fold(cache, task.key, *_fit(task, frame, targets))
    return fold_folder(cache, task.key)


def _fit_elsewhere(
    task: FoldTask, frame: pd.DataFrame, targets: pd.DataFrame, wanted: str
) -> tuple[str, FoldPrediction, dict[str, Any]]:
    # The key names the driver's code and versions: what another version has fitted must not be kept under it.
    require_same_code(task.module, wanted)
    return (task.key, *_fit(task, frame, targets))
