"""Runs: one model under one protocol. Its folds are fitted in parallel and kept in the fold cache."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.artifacts import round_significant, write_table
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.folds import Fold, FoldResult, fold_digest
from electrode_bench.core.results import FoldRecord, MemberRecord, Run, RunDigests
from electrode_bench.core.schema import ID, PREDICTION_COLUMNS, SHARE_COLUMNS
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
    """The task of each fold, by the fold's key.

    Parameters
    ----------
    frame : features, indexed by electrode id (no columns for a model without features).
    targets : the three targets on the same index, in their units.
    seed : root seed of params.yaml; the seed of each fit is derived from it and the names of model, protocol and fold.
    member_frames : the features that each member of an ensemble reads, by the member's name.
    """
    folds, shared = tuple(folds), identity(spec, config, frame=frame, targets=targets)
    members = {
        name: plan(member.spec, member.config, folds, frame=member_frames[name], targets=targets, seed=seed)
        for name, member in models.members_of(config).items()
    }
    tasks = {}
    for fold in folds:
        own = derive(seed, spec.name, fold.protocol, fold.key)
        of_members = {name: of_folds[fold.key] for name, of_folds in members.items()}
        # The members' keys stand for everything that their numbers depend on.
        key = digest([*shared, fold_digest(fold), own, *(task.key for task in of_members.values())])
        values = config.model_dump(mode="json")
        tasks[fold.key] = FoldTask(key, spec.module, values, own, fold.train_ids, fold.test_ids, of_members)
    return tasks


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
    """Fit the folds that the cache lacks, in parallel where ``executor`` has several workers; return all results.

    For an ensemble, these are the folds of its members: those that their own runs have fitted are not fitted again, and
    the other way round. ``frame`` and ``member_frames`` are as of :func:`plan`.

    A fold is in the cache as soon as it is fitted, so a run that is killed at any time has kept all finished folds,
    and the next one fits only the others. A worker that shares this machine's files writes there itself; what another
    machine has fitted is written when it arrives.
    """
    remove_abandoned(cache / "folds")
    cached = {fold: read_fold(cache, task.key, fold=fold) for fold, task in tasks.items()}
    lacking = {fold: task for fold, task in tasks.items() if cached[fold] is None}
    fits = [(task, frame) for task in lacking.values() if not task.members]
    # The members one after the other: a backend keeps the table that successive calls share.
    for name, of_member in member_frames.items():
        own = [task.members[name] for task in lacking.values()]
        fits += [(task, of_member) for task in own if read_fold(cache, task.key, fold=name) is None]
    total = len(tasks) * max(len(member_frames), 1)
    done = total - len(fits)
    if progress:
        progress(done, total)
    with closing(_fit_pending(fits, targets=targets, cache=cache, executor=executor)) as fitted:
        for _ in fitted:
            done += 1
            if progress:
                progress(done, total)
    for task in lacking.values():
        if task.members:
            _combine_into_cache(task, frame, cache)
    return {fold: cached[fold] or _kept(cache, task, fold=fold) for fold, task in tasks.items()}


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


def fit_run(
    spec: ModelSpec,
    config: Strict,
    folds: Iterable[Fold],
    *,
    split_digest: str,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    composition: str,
    seed: int,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Run:
    """Fit one model under one protocol: predictions of all its folds, and the record of what they were made from.

    ``frame`` and ``member_frames`` are as of :func:`plan`.
    """
    folds = tuple(folds)
    tasks = plan(spec, config, folds, frame=frame, targets=targets, seed=seed, member_frames=member_frames)
    results = run_folds(
        tasks,
        frame=frame,
        targets=targets,
        cache=cache,
        executor=IN_PROCESS if spec.light else executor,
        progress=progress,
        member_frames=member_frames,
    )
    predictions = pd.concat(
        [long_predictions(results[fold.key].predictions, fold, model=spec.name, targets=targets) for fold in folds],
        ignore_index=True,
    )
    share = pd.concat([long_share(results[fold.key].share, fold) for fold in folds], ignore_index=True)
    return Run(
        model=spec.name,
        title=spec.title,
        module=spec.module,
        protocol=folds[0].protocol,
        feature_set=models.feature_set_of(spec, config),
        reads=models.reads_of(spec, config),
        composition=composition,
        config=config.model_dump(mode="json"),
        seed=seed,
        versions=all_versions(spec, config),
        digests=RunDigests(
            split=split_digest,
            code=fit_closure(spec).digest,
            config=digest(config.model_dump(mode="json")),
            predictions=digest_frame(predictions),
            share=digest_frame(share),
            **data_digests(frame, targets),
        ),
        members={
            name: MemberRecord(
                module=member.spec.module,
                feature_set=member.spec.feature_set,
                config=digest(member.config.model_dump(mode="json")),
                code=fit_closure(member.spec).digest,
            )
            for name, member in models.members_of(config).items()
        },
        folds={
            fold.key: FoldRecord(
                cache_key=tasks[fold.key].key,
                seed=tasks[fold.key].seed,
                n_train=len(fold.train_ids),
                n_test=len(fold.test_ids),
                share_values=results[fold.key].share_values,
            )
            for fold in folds
        },
        predictions=predictions,
        share=share,
    ).sealed()


def all_versions(spec: ModelSpec, config: Strict) -> dict[str, str]:
    """Versions of the libraries that decide a fit, those of an ensemble's members included."""
    specs = [spec, *(member.spec for member in models.members_of(config).values())]
    versions = {name: version for one in specs for name, version in one.versions().items()}
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def long_predictions(predictions: pd.DataFrame, fold: Fold, *, model: str, targets: pd.DataFrame) -> pd.DataFrame:
    """A fold's predictions with their true values, with the columns of ``schema.PREDICTION_COLUMNS``."""
    truth = targets.stack()
    index = pd.MultiIndex.from_arrays([predictions[ID], predictions["target"]])
    frame = predictions.assign(
        protocol=fold.protocol, fold=fold.key, model=model, y_true=round_significant(truth.loc[index].to_numpy())
    )
    return frame[list(PREDICTION_COLUMNS)].sort_values(["target", ID], ignore_index=True)


def long_share(share: pd.DataFrame | None, fold: Fold) -> pd.DataFrame:
    """A fold's distributions of the extracted share, with the columns of ``schema.SHARE_COLUMNS``; no rows for None."""
    columns = list(SHARE_COLUMNS)
    if share is None:
        return pd.DataFrame(columns=columns).astype({column: float for column in columns if column not in (ID, "fold")})
    return share.assign(fold=fold.key)[columns].sort_values(ID, ignore_index=True)


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
) -> Generator[None, None, None]:
    """Fit tasks, each on its features; yield once for every fold that reaches the cache."""

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

    yield from made_once(fits, entry=lambda fit: fold_folder(cache, fit[0].key), make=fit)


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
