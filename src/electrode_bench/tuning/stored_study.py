"""A study in its storage: its trials and scores as plain data, so that nobody else needs Optuna to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from electrode_bench import models
from electrode_bench.core.config import Strict, validate
from electrode_bench.errors import UserError, brief
from electrode_bench.models import search_space
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.search_space import Dimension
from electrode_bench.params import Sweep
from electrode_bench.tuning.distributions import decoded
from electrode_bench.tuning.record_schema import StudyDescription
from electrode_bench.tuning.study import StudySpec, TrialResult

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class StoredTrial:
    """One trial as it is stored."""

    number: int
    #: complete, pruned, fail, running, waiting, or given up (and tried again).
    state: str
    result: TrialResult
    #: The searched parameters as they are written in params.yaml.
    params: Mapping[str, Any]
    #: The trial's run in MLflow.
    run_id: str | None = None
    #: Whether it tried the configuration that the study began with.
    is_configured: bool = False
    #: Whether it ended by itself: complete, pruned or failed.
    has_ended: bool = True

    @property
    def adoptable(self) -> dict[str, Any]:
        """What the trial's value belongs to: ``params``, with the batch size that was halved for lack of memory."""
        size = self.result.batch_size
        return {**self.params, **({} if size is None else {"batch_size": size})}


@dataclass(frozen=True)
class StoredStudy:
    """A study in its storage."""

    optuna: Study = field(repr=False)
    #: Its search space, where the process knows it; a study that another process creates just now has none stored yet.
    known_space: Mapping[str, Dimension] | None = None

    @property
    def name(self) -> str:
        return self.optuna.study_name

    @property
    def attributes(self) -> dict[str, Any]:
        """What is stored with the study."""
        return dict(self.optuna.user_attrs)

    def require_description(self) -> None:
        """Raise a UserError when the study was not made by a sweep, such as one of another program in the database."""
        try:
            validate(StudyDescription, self.attributes, where="it")
        except UserError as error:
            raise UserError(
                f"{self.name} is not a study of this version of electrode-bench, or is being created just now "
                f"({brief(error)})"
            ) from None

    @property
    def is_described(self) -> bool:
        """Whether the study was made by a sweep; one that is being created just now is not yet described."""
        try:
            self.require_description()
        except UserError:
            return False
        return True

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Digests and names of everything that the study's values depend on (``StudySpec.identity``)."""
        return dict(self.optuna.user_attrs["identity"])

    @property
    def model(self) -> ModelSpec:
        """The model that was tuned."""
        module = self.optuna.user_attrs.get("module")
        return models.spec(str(self.identity["model"])) if module is None else models.from_module(str(module))

    @property
    def outer(self) -> str:
        """The outer fold whose training rows were tuned on, as ``grouped/fold-0``."""
        return str(self.identity["part"])

    @cached_property
    def space(self) -> dict[str, Dimension]:
        """The search space that the study was made with."""
        if self.known_space is not None:
            return dict(self.known_space)
        return search_space.from_json(self.optuna.user_attrs.get("space", {}))

    @cached_property
    def options(self) -> Sweep:
        """How it tunes: the part ``sweep`` of params.yaml that the study was made with."""
        return validate(Sweep, self.optuna.user_attrs["how"], where=f"the options of {self.name}")

    @property
    def base(self) -> Strict:
        """The configuration that the study began with."""
        return models.configure(self.model, self.optuna.user_attrs["base"], where=self.name)

    @property
    def clean_base(self) -> Strict:
        """The configuration before any tuning: what ``base`` was tuned from, or ``base`` itself."""
        clean = self.optuna.user_attrs.get("clean_base")
        return self.base if clean is None else models.configure(self.model, clean, where=self.name)

    @property
    def table(self) -> str:
        """Digest of the targets of all electrodes, of which the study sees some."""
        return str(self.optuna.user_attrs.get("table", ""))

    @property
    def has_two_objectives(self) -> bool:
        return len(self.optuna.directions) > 1

    # --- trials ---

    def trials(self) -> list[StoredTrial]:
        """Every trial, in the order of their numbers."""
        return [self._stored(trial) for trial in self.optuna.get_trials(deepcopy=False)]

    def trial(self, number: int) -> StoredTrial | None:
        """The trial of this number; None when there is none."""
        trials = self.optuna.get_trials(deepcopy=False)
        return self._stored(trials[number]) if number < len(trials) else None

    def complete(self) -> list[StoredTrial]:
        """The trials that were evaluated on all inner folds, in the order of their numbers."""
        return [trial for trial in self.trials() if trial.state == "complete"]

    def best(self) -> StoredTrial | None:
        """The complete trial with the smallest error (the first of two objectives); of equal ones the earliest."""
        return min(self.complete(), key=lambda trial: (trial.result.values[0], trial.number), default=None)

    def choose(self, number: int | None) -> StoredTrial:
        """The complete trial of this number, or the best one for None.

        Raises
        ------
        UserError
            When there is no such trial, or it was not evaluated on all inner folds.
        """
        chosen = self.best() if number is None else self.trial(number)
        if chosen is None or chosen.state != "complete":
            raise UserError(f"{self.name} has no complete trial{'' if number is None else f' {number}'}")
        return chosen

    def count(self, *, running: bool = False) -> int:
        """How many trials ended by themselves; with ``running`` also those that a driver has under way."""
        trials = self.optuna.get_trials(deepcopy=False)
        ended = sum(_has_ended(trial) for trial in trials)
        if not running:
            return ended
        # A running trial without a driver's name is either new, or its driver was killed before it wrote its name.
        return ended + sum(trial.state.name == "RUNNING" and "driver" in trial.user_attrs for trial in trials)

    def is_running(self) -> bool:
        """Whether a driver has trials under way."""
        return self.count(running=True) > self.count()

    def configuration(self, trial: StoredTrial) -> Strict:
        """The configuration that the trial's value belongs to; what the study held fixed is part of it."""
        return models.configure(self.model, {**self.optuna.user_attrs["base"], **trial.adoptable}, where=self.name)

    # --- what is kept with the study ---

    @property
    def run_id(self) -> str | None:
        """The study's run in MLflow."""
        known = self.optuna.user_attrs.get("run_id")
        return None if known is None else str(known)

    def keep(self, **attributes: Any) -> None:
        """Store attributes with the study."""
        for name, value in attributes.items():
            self.optuna.set_user_attr(name, value)

    def describe(self, spec: StudySpec, *, version: str) -> None:
        """Store what the study is; ``version`` is Optuna's."""
        # What may be missing comes first: a study counts as described once the rest is there.
        if spec.clean_base is not None:
            self.keep(clean_base=spec.clean_base.model_dump(mode="json"))
        self.keep(
            module=spec.model.module,
            optuna=version,
            table=spec.table,
            identity=spec.identity,
            space=search_space.as_json(spec.space),
            base=spec.base.model_dump(mode="json"),
            how=spec.options.model_dump(mode="json"),
        )

    def _stored(self, trial: FrozenTrial) -> StoredTrial:
        attributes = trial.user_attrs
        return StoredTrial(
            number=trial.number,
            state="given up" if attributes.get("given_up") else trial.state.name.lower(),
            result=result_of(trial),
            params=decoded(trial.params, self.space),
            run_id=attributes.get("run_id"),
            is_configured=bool(attributes.get("configured")),
            has_ended=_has_ended(trial),
        )


def _has_ended(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() and not trial.user_attrs.get("given_up")


def result_of(trial: FrozenTrial) -> TrialResult:
    """What is stored of a trial's result."""
    stored = dict(trial.user_attrs.get("outcome") or {})
    is_complete = trial.state.name == "COMPLETE"
    if not stored and not is_complete:
        return TrialResult(trial.number, trial.state.name.lower(), reason=str(trial.user_attrs.get("reason", "")))
    try:
        stored["values"] = tuple(float(value) for value in stored["values"])
        stored["steps"] = tuple((int(step), float(value)) for step, value in stored["steps"])
        if is_complete and not stored["values"]:
            raise ValueError("no values")
        return TrialResult(**stored)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"trial {trial.number} was stored by another version of electrode-bench ({error!r})") from None
