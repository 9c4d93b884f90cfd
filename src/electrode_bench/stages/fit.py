"""fit: one model under one protocol -> its predictions on every fold, and the record of what they were made from."""

from __future__ import annotations

import pandas as pd

from electrode_bench import models
from electrode_bench.core import feature_names
from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.folds import digests
from electrode_bench.core.results import Run
from electrode_bench.core.schema import PREDICTION_COLUMNS, SHARE_COLUMNS
from electrode_bench.errors import LeftOut, UserError
from electrode_bench.features import FEATURE_SETS
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.runs import Progress, fit_run
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
        When the data has no folds of the protocol. What is written then holds the reason and no predictions: DVC lists
        the files of every model under every protocol of params.yaml, so they must exist. ``Project`` does not count
        them as a run.
    UserError
        When the model cannot be fitted here, or an input is missing or belongs to other data.
    """
    spec, paths = models.named(model, params), project.paths
    config = models.configured(spec, params)
    members = models.members_of(config)
    for one in (spec, *(member.spec for member in members.values())):
        _require_fittable(one, here=executor.shares_files)
    try:
        folds = project.protocol_folds(protocol)
    except LeftOut as left_out:
        for path, columns in ((paths.predictions, PREDICTION_COLUMNS), (paths.share, SHARE_COLUMNS)):
            nothing = pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
            write_table(nothing, path(model, protocol), columns)
        record = {"model": model, "protocol": protocol, "left_out": left_out.reason}
        write_json(record, paths.run(model, protocol))
        raise
    frame, targets = project.training_data(models.feature_set_of(spec, config))
    fitted = fit_run(
        spec,
        config,
        folds,
        split_digest=digests(folds)[protocol],
        frame=frame,
        targets=targets,
        composition=params.featurize.composition,
        seed=params.seed,
        cache=project.paths.cache,
        executor=executor,
        progress=progress,
        member_frames={name: project.training_data(member.spec.feature_set)[0] for name, member in members.items()},
    )
    # cell.json comes last: it holds the digests of the tables, so a write that fails in between is noticed.
    write_table(fitted.predictions, paths.predictions(model, protocol), PREDICTION_COLUMNS)
    write_table(fitted.share, paths.share(model, protocol), SHARE_COLUMNS)
    write_json(fitted.record(), paths.run(model, protocol))
    return fitted


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
