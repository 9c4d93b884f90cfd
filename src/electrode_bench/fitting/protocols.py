"""One model under one or several protocols: its folds are fitted together, and each run gets its record."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.artifacts import round_significant
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.folds import Fold, FoldResult
from electrode_bench.core.results import FoldRecord, MemberRecord, Run, RunDigests
from electrode_bench.core.schema import ID, PREDICTION_COLUMNS, SHARE_COLUMNS
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.runs import FoldTask, Progress, data_digests, fit_closure, plan_groups, run_groups
from electrode_bench.models.base import ModelSpec


def fit_run(
    spec: ModelSpec,
    config: Strict,
    folds: Iterable[Fold],
    *,
    split_digest: str,
    **settings: Any,
) -> Run:
    """Fit one model under one protocol. The other parameters are those of :func:`fit_runs`."""
    folds = tuple(folds)
    protocol = folds[0].protocol
    with closing(fit_runs(spec, config, {protocol: folds}, split_digests={protocol: split_digest}, **settings)) as runs:
        return next(runs)


def fit_runs(
    spec: ModelSpec,
    config: Strict,
    protocols: Mapping[str, Sequence[Fold]],
    *,
    split_digests: Mapping[str, str],
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    composition: str,
    seed: int,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
    member_frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Generator[Run, None, None]:
    """Fit one model under several protocols; yield each run as soon as its folds are fitted.

    A run holds the predictions of all its folds, and the record of what they were made from.

    Parameters
    ----------
    protocols : the folds of each protocol. The folds of all protocols are fitted together (see :func:`run_groups`).
    split_digests : digest of each protocol's folds.
    frame, targets, seed, member_frames : as of :func:`plan`.
    """
    tasks = plan_groups(spec, config, protocols, frame=frame, targets=targets, seed=seed, member_frames=member_frames)
    data, versions = data_digests(frame, targets), all_versions(spec, config)
    groups = run_groups(
        tasks,
        frame=frame,
        targets=targets,
        cache=cache,
        executor=IN_PROCESS if spec.light else executor,
        progress=progress,
        member_frames=member_frames,
    )
    with closing(groups):
        for protocol, results in groups:
            yield _run(
                spec,
                config,
                protocols[protocol],
                tasks[protocol],
                results,
                split_digest=split_digests[protocol],
                targets=targets,
                data=data,
                versions=versions,
                composition=composition,
                seed=seed,
            )


def _run(
    spec: ModelSpec,
    config: Strict,
    folds: Sequence[Fold],
    tasks: Mapping[str, FoldTask],
    results: Mapping[str, FoldResult],
    *,
    split_digest: str,
    targets: pd.DataFrame,
    data: Mapping[str, str],
    versions: Mapping[str, str],
    composition: str,
    seed: int,
) -> Run:
    """The run of one model under one protocol, from its fitted folds."""
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
        versions=versions,
        digests=RunDigests(
            split=split_digest,
            code=fit_closure(spec).digest,
            config=digest(config.model_dump(mode="json")),
            predictions=digest_frame(predictions),
            share=digest_frame(share),
            **data,
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
