"""fit: one model under its protocols -> predictions on every fold, and the record of what they were made from."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import closing

import pandas as pd

from electrode_bench import models
from electrode_bench.core import feature_names
from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.folds import Fold, digests
from electrode_bench.core.paths import Paths
from electrode_bench.core.results import Run
from electrode_bench.core.schema import PREDICTION_COLUMNS, SHARE_COLUMNS
from electrode_bench.errors import LeftOut, UserError
from electrode_bench.features import FEATURE_SETS
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.protocols import fit_runs
from electrode_bench.fitting.runs import Progress
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.device import requested_device
from electrode_bench.params import Params
from electrode_bench.project import Project


def run(
    project: Project,
    params: Params,
    *,
    model: str,
    protocol: str,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> Run:
    """Write ``results/fit/<model>/<protocol>``.

    Raises
    ------
    LeftOut
        When the data has no folds of the protocol. What is written then holds the reason and no predictions, so that
        the folder of a model is complete. ``Project`` does not count it as a run.
    UserError
        When the model cannot be fitted here, or an input is missing or belongs to other data.
    """
    for made in run_all(project, params, model=model, protocols=[protocol], executor=executor, progress=progress):
        if isinstance(made, LeftOut):
            raise made
        return made
    raise AssertionError("every protocol gives a run, or the reason why there is none")


def run_all(
    project: Project,
    params: Params,
    *,
    model: str,
    protocols: Sequence[str] | None = None,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> Generator[Run | LeftOut, None, None]:
    """Write ``results/fit/<model>``: fit one model under several protocols, with the folds of all of them in parallel.

    Parameters
    ----------
    protocols : None takes all that the split was made for, and removes the model's results under any other protocol.

    Yields
    ------
    Each run once its folds are fitted and it is written, or the reason why its protocol is left out (see :func:`run`).

    Raises
    ------
    UserError
        As :func:`run`.
    """
    spec, paths = models.named(model, params), project.paths
    config = models.configured(spec, params)
    members = models.members_of(config)
    for one in (spec, *(member.spec for member in members.values())):
        _require_fittable(one, here=executor.shares_files)
    folds: dict[str, tuple[Fold, ...]] = {}
    every = [*project.split_digests(), *project.left_out()]
    chosen = every if protocols is None else protocols
    for protocol, found in zip(chosen, project.folds_under(chosen), strict=True):
        if isinstance(found, LeftOut):
            _write_left_out(project, found, model=model, protocol=protocol)
            yield found
        else:
            folds[protocol] = found
    if protocols is None:
        _remove_others(paths, model, keep=every)
    if not folds:
        return
    frame, targets = project.training_data(models.feature_set_of(spec, config))
    runs = fit_runs(
        spec,
        config,
        folds,
        split_digests=digests(fold for of_protocol in folds.values() for fold in of_protocol),
        frame=frame,
        targets=targets,
        composition=params.featurize.composition,
        seed=params.seed,
        cache=paths.cache,
        executor=executor,
        progress=progress,
        member_frames={name: project.training_data(member.spec.feature_set)[0] for name, member in members.items()},
    )
    with closing(runs):
        for fitted in runs:
            # cell.json comes last: it holds the digests of the tables, so a write that fails in between is noticed.
            write_table(fitted.predictions, paths.predictions(model, fitted.protocol), PREDICTION_COLUMNS)
            write_table(fitted.share, paths.share(model, fitted.protocol), SHARE_COLUMNS)
            write_json(fitted.record(), paths.run(model, fitted.protocol))
            yield fitted


def _write_left_out(project: Project, left_out: LeftOut, *, model: str, protocol: str) -> None:
    paths = project.paths
    for path, columns in ((paths.predictions, PREDICTION_COLUMNS), (paths.share, SHARE_COLUMNS)):
        nothing = pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
        write_table(nothing, path(model, protocol), columns)
    record = {"model": model, "protocol": protocol, "left_out": left_out.reason}
    write_json(record, paths.run(model, protocol))


def _remove_others(paths: Paths, model: str, *, keep: Sequence[str]) -> None:
    """Remove the model's runs under protocols that the split no longer has; their folds stay in the fold cache."""
    for folder in paths.runs():
        if folder.parent.name == model and folder.name not in keep:
            # First what makes it a run.
            for file in (paths.run, paths.predictions):
                file(model, folder.name).unlink(missing_ok=True)
            shutil.rmtree(folder)


def _require_fittable(spec: ModelSpec, *, here: bool) -> None:
    """Raise a UserError when a model cannot be fitted; ``here`` tells whether it is fitted on this machine."""
    reason = spec.available()
    if reason:
        raise UserError(reason)
    if here and requested_device() is not None:
        # A missing device is reported before anything is computed. Asking takes the seconds that torch loads.
        spec.device()
    if spec.feature_set is not None:
        # A misspelt name is reported here; the missing file would name a stage that does not exist.
        for name in feature_names.split(spec.feature_set):
            FEATURE_SETS.module(name)
