"""The model of a run fitted on all rows: what predicts new compositions and is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest
from electrode_bench.core.results import Run
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.features import has_atomic_packing
from electrode_bench.fitting.cache_entries import is_intact, new_entry, remove_abandoned
from electrode_bench.fitting.claims import claimed
from electrode_bench.fitting.runs import data_digests, identity
from electrode_bench.models.base import Model, ModelSpec
from electrode_bench.models.members import EnsembleModel, FittedMember, Member
from electrode_bench.project import Project


def final_model(project: Project, run: Run) -> Path | None:
    """Folder of the run's model fitted on all rows; fitted once, then found in the cache.

    A damaged model is set aside and fitted again. A model belongs to no protocol: its seed is derived from its name
    alone. What it was made from is in its model.json. An ensemble is made of the final models of its members, each in a
    folder of its own within the ensemble's. None for a published package: another fit would take hours, and it loads
    only where its environment is.

    Raises
    ------
    UserError
        When the features or the table are no longer those that the run was fitted on.
    """
    spec = models.from_module(run.module)
    if spec.reference:
        return None
    final = _Final(project, run.composition, run.seed)
    remove_abandoned(final.cache)
    return final.fitted(spec, _checked_configuration(project, run, spec))


def final_folder(project: Project, run: Run) -> Path | None:
    """The folder that :func:`final_model` returns, without fitting the model: the cache may lack it.

    Errors as :func:`final_model`.
    """
    spec = models.from_module(run.module)
    if spec.reference:
        return None
    return _Final(project, run.composition, run.seed).plan(spec, _checked_configuration(project, run, spec)).folder


def _checked_configuration(project: Project, run: Run, spec: ModelSpec) -> Strict:
    """The configuration of a run whose features and table are still those of the project."""
    frame, targets = project.training_data(run.feature_set)
    if data_digests(frame, targets) != {"features": run.digests.features, "table": run.digests.table}:
        raise UserError(f"{run.name} was fitted on other data; run: dvc repro {run.stage}")
    return models.configure(spec, run.config, where="cell.json")


@dataclass(frozen=True)
class _Plan:
    """What a model of all rows is made from, and the folder that the cache keeps it in."""

    folder: Path
    about: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class _Final:
    """Models fitted on all rows of a project."""

    project: Project
    composition: str
    #: Root seed.
    seed: int

    @property
    def cache(self) -> Path:
        return self.project.paths.cache / "models"

    def plan(self, spec: ModelSpec, config: Strict) -> _Plan:
        """What the model is made from."""
        members = [self.plan(member.spec, member.config) for member in models.members_of(config).values()]
        feature_set = models.feature_set_of(spec, config)
        frame, targets = self.project.training_data(feature_set)
        about = {
            "title": spec.title,
            "composition": self.composition,
            "feature_set": feature_set,
            # How the features were made: a served model makes its own.
            "atomic_packing": has_atomic_packing(frame),
            # A feature that is missing for a new composition only is something that the model has not learned.
            "missing_in_training": [str(column) for column in frame.columns[frame.isna().any()]],
            "config": config.model_dump(mode="json"),
            "seed": self.seed,
            "rows": len(frame),
            "digests": data_digests(frame, targets),
            "synthetic": self.project.synthetic(),
        }
        own = derive(self.seed, spec.name, "all rows")
        made_from = [*identity(spec, config, frame=frame, targets=targets), own, about]
        folder = self.cache / digest([*made_from, *(member.folder.name for member in members)])
        return _Plan(folder, about, own)

    def fitted(self, spec: ModelSpec, config: Strict) -> Path:
        """Folder of a model; fitted if the cache lacks it."""
        members = models.members_of(config)
        folders = {name: self.fitted(member.spec, member.config) for name, member in members.items()}
        plan = self.plan(spec, config)
        if is_intact(plan.folder):
            return plan.folder
        with claimed(plan.folder):
            # Another process may have fitted it while this one waited.
            if not is_intact(plan.folder):
                model = self._fit(spec, config, plan, self._fitted(members, folders))
                with new_entry(plan.folder) as temporary:
                    models.save(model, temporary, spec=spec, about=plan.about)
        return plan.folder

    def _fit(self, spec: ModelSpec, config: Strict, plan: _Plan, members: Mapping[str, FittedMember]) -> Model:
        model = spec.build(config, plan.seed)
        if spec.is_ensemble:
            return cast(EnsembleModel, model).with_members(members)
        frame, targets = self.project.training_data(models.feature_set_of(spec, config))
        frame = frame.sort_index()
        return model.fit(frame, targets.loc[frame.index])

    def _fitted(self, members: Mapping[str, Member], folders: Mapping[str, Path]) -> dict[str, FittedMember]:
        fitted = {}
        for name, member in members.items():
            model, about = models.load(folders[name])
            columns = self.project.training_data(member.spec.feature_set)[0].columns
            fitted[name] = FittedMember(model, member.spec, about, tuple(map(str, columns)))
        return fitted
