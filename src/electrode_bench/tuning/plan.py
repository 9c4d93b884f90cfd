"""Which studies a command works on: their outer training sets, inner folds, and the configuration they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.config import Strict
from electrode_bench.core.folds import Fold, first_repeat
from electrode_bench.core.schema import ID
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError, nearest
from electrode_bench.fitting.runs import data_digests
from electrode_bench.models import search_space
from electrode_bench.models.base import ModelSpec
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.splits.kfold import KFold
from electrode_bench.tuning.record import read_record
from electrode_bench.tuning.stored_study import StoredStudy
from electrode_bench.tuning.study import OuterTrainingSet, StudySpec


def plan_studies(
    project: Project, params: Params, *, model: str, nested: bool, base: Strict | None = None
) -> list[StudySpec]:
    """A study for the outer fold that params.yaml names, or one for each outer fold with ``nested``.

    ``base`` is the configuration that they begin with. None takes the configured one, unless it was tuned on rows that
    one of these outer folds tests on: then the clean configuration from before the tuning.

    Raises
    ------
    UserError
        When the model cannot be tuned, a search space in params.yaml is wrong, or a fold does not exist.
    """
    spec, options = models.named(model, params), params.sweep
    if spec.is_ensemble:
        members = models.members_of(models.configured(spec, params))
        raise UserError(
            f"{model} has no sweep of its own: it combines the folds of {', '.join(members)}; tune these instead"
        )
    if not spec.space:
        raise UserError(
            f"{model} has no search space, so there is nothing to tune; these have one: {', '.join(_tunable(params))}"
        )
    for name in options.spaces:
        models.named(name, params)
    where = f"params.yaml, sweep.spaces.{model}"
    space = search_space.narrowed(spec.space, options.spaces.get(model, {}), where=where)
    splits.for_sweep(options.protocol, where="params.yaml, sweep.protocol")
    outer_folds = {fold.key: fold for fold in project.protocol_folds(options.protocol)}
    if options.fold is not None and options.fold not in outer_folds:
        raise UserError(
            f"params.yaml, sweep.fold: {options.protocol} has no fold '{options.fold}'; "
            f"{nearest(options.fold, outer_folds)}"
        )
    # Nested studies tune on folds that test each electrode once: further repeats would cost as much again.
    once = [fold.key for fold in first_repeat(outer_folds.values())]
    named = options.fold or once[0]
    chosen = list(dict.fromkeys([*once, named])) if nested else [named]
    names = {key: f"{options.protocol}/{key}" for key in chosen}
    frame, targets = project.training_data(spec.feature_set)
    table_digest = data_digests(frame, targets)["table"]
    clean_base = None
    if base is None:
        base, clean_base = _bases(project, params, spec, outer=list(names.values()), table=table_digest)
    table, clusters = project.table().set_index(ID, drop=False), project.clusters()
    studies = []
    for key, name in names.items():
        ids = sorted(set(outer_folds[key].train_ids))
        inner = inner_folds(params, table.loc[ids], clusters.loc[ids], outer=name)
        outer = OuterTrainingSet(name, frame.loc[ids], targets.loc[ids], inner)
        studies.append(StudySpec(spec, base, space, options, outer, params.seed, table_digest, clean_base))
    return studies


def studies_like(project: Project, params: Params, study: StoredStudy) -> dict[str, StudySpec]:
    """The specification of a stored study, and of those that differ from it only in the outer fold, by outer fold.

    Raises
    ------
    UserError
        When the stored study is not among them: it was made with other data, folds or code than the project has.
    """
    # params.yaml may have changed since, for example by an adoption: what the study was made with decides.
    made_with = params.model_copy(update={"sweep": study.options})
    planned = plan_studies(project, made_with, model=study.model.name, nested=True, base=study.base)
    specs = {spec.outer.name: replace(spec, space=study.space) for spec in planned}
    if study.outer not in specs or specs[study.outer].name != study.name:
        raise UserError(
            f"{study.name} was made with other data, folds or code than the project has; its values cannot be "
            "reproduced here"
        )
    return specs


def inner_folds(params: Params, table: pd.DataFrame, clusters: pd.Series, *, outer: str) -> tuple[Fold, ...]:
    """The inner folds of an outer training set.

    Parameters
    ----------
    table, clusters : the rows of the outer training set and their cluster labels, by electrode id.
    outer : name of the outer fold.

    Raises
    ------
    UserError
        When these rows have no folds of the protocol.
    """
    options, grouped = params.sweep, splits.configure("grouped", params.split.options.get("grouped", {}))
    inner = splits.for_sweep(options.inner, where="params.yaml, sweep.inner")
    own = inner.config()
    if isinstance(own, KFold):
        # Stratified as the grouped folds are. Inner folds are not repeated: each repeat would cost a trial more.
        alike = {key: value for key, value in grouped.model_dump().items() if key in KFold.model_fields}
        own = inner.config.model_validate({**alike, "folds": options.folds})
    reason = inner.why_left_out(table, own)
    if reason is not None:
        raise UserError(f"params.yaml, sweep.inner: {inner.name} cannot make inner folds: {reason}")
    seed = derive(params.seed, "inner folds", outer)
    return tuple(inner.make(table.reset_index(drop=True), clusters, own, seed))


def _bases(
    project: Project, params: Params, spec: ModelSpec, *, outer: Sequence[str], table: str
) -> tuple[Strict, Strict | None]:
    """The configuration that studies on these outer folds begin with, and the clean one where that was tuned.

    A study's first trial is the configuration that it begins with. If that one was tuned on rows that the study's outer
    fold tests on, its claim that no trial has seen them would be false.
    """
    configured, adoption = models.configured(spec, params), project.adoption(spec.name)
    if adoption is None:
        _require_no_record(project, spec.name)
        return configured, None
    clean = models.configure(spec, adoption.base, where=str(project.paths.adoption(spec.name)))
    saw_test_rows = adoption.table == table and set(outer) != {adoption.part}
    return (clean, None) if saw_test_rows else (configured, clean)


def _require_no_record(project: Project, model: str) -> None:
    """Raise a UserError when a study was adopted, but nothing says what was configured before it."""
    record = read_record(project.paths.study_record(model))
    if record is not None:
        path = project.paths.adoption(model).relative_to(project.root)
        raise UserError(
            f"{path}, which has the configuration from before {record['study']} was adopted, is missing: restore it "
            f"from git, or run: electrode-bench sweep adopt {record['study']}"
        )


def _tunable(params: Params) -> list[str]:
    names = {*models.MODELS, *params.models}
    return [name for name in names if models.named(name, params).space]
