"""What a study is: a model, what is searched and how, and the rows that it may see.

A study sees an :class:`OuterTrainingSet`: the training rows of an outer fold and inner folds of them. The outer fold's
test rows are not in it, so no trial can see them.

The name of a study contains a digest of everything that its values depend on (``StudySpec.identity``). The same command
therefore continues the same study, and a changed search space, table or split starts another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest
from electrode_bench.core.folds import Fold, fold_digest
from electrode_bench.fitting.runs import data_digests
from electrode_bench.models import search_space
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.search_space import Dimension
from electrode_bench.params import Sweep


@dataclass(frozen=True)
class OuterTrainingSet:
    """Everything that a study sees.

    Parameters
    ----------
    name : of the outer fold, as ``grouped/fold-0``.
    frame, targets : features and targets of its training rows, by electrode id.
    folds : inner folds of these rows.
    """

    name: str
    frame: pd.DataFrame
    targets: pd.DataFrame
    folds: tuple[Fold, ...]

    def __post_init__(self) -> None:
        rows = set(self.frame.index)
        for fold in self.folds:
            if not rows.issuperset(fold.train_ids) or not rows.issuperset(fold.test_ids):
                raise ValueError(f"the inner fold {fold.key} has rows that are not in the training set of {self.name}")


@dataclass(frozen=True)
class StudySpec:
    """One study: a model, what is searched and how, and on which rows.

    Parameters
    ----------
    base : the configuration that the study begins with; parameters outside ``space`` keep its values.
    seed : root seed of params.yaml.
    table : digest of all targets (``fitting.runs.data_digests``), of which the study sees a part. It is kept with the
        study, so that a configuration adopted from it is recognised as tuned on other data.
    clean_base : the configuration before any tuning; None when it is ``base``.
    """

    model: ModelSpec
    base: Strict
    space: Mapping[str, Dimension]
    options: Sweep
    outer: OuterTrainingSet
    seed: int
    table: str = ""
    clean_base: Strict | None = None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Digests and names of everything that the study's values depend on; computed once, since it takes a while."""
        fixed = {key: value for key, value in self.base.model_dump(mode="json").items() if key not in self.space}
        return {
            "model": self.model.name,
            "part": self.outer.name,
            "search space": digest(search_space.as_json(self.space)),
            "fixed parameters": digest(fixed),
            "objective": f"{self.options.objective}{' and seconds' if self.options.against_seconds else ''}",
            "sampler": self.options.sampler,
            "pruner": f"{self.options.pruner}, {self.options.checkpoints} checkpoints",
            "inner folds": digest(sorted(fold_digest(fold) for fold in self.outer.folds)),
            "data": digest(data_digests(self.outer.frame, self.outer.targets)),
            "code": self.model.closure().digest,
            "versions": digest(self.model.versions()),
            "seed": self.seed,
        }

    @cached_property
    def name(self) -> str:
        """The study's name: ``<model>-<outer fold>-<digest of the identity>``."""
        return f"{self.model.name}-{self.outer.name.replace('/', '-')}-{digest(self.identity)[:10]}"

    def configure(self, values: Mapping[str, Any]) -> Strict:
        """The model's configuration with these values of the searched parameters."""
        return models.configure(self.model, {**self.base.model_dump(mode="json"), **values}, where=self.name)


@dataclass(frozen=True)
class TrialTask:
    """One trial on its way to a worker.

    ``module`` is the Python module that defines the model; ``code`` the digest of the code and library versions that
    the study belongs to (``fitting.runs.code_digest``); ``device`` the GPU that the trial is given, if any.
    """

    storage: str
    study: str
    number: int
    trial_id: int
    module: str
    config: Mapping[str, Any]
    outer: str
    folds: tuple[Fold, ...]
    options: Sweep
    seed: int
    code: str
    device: str | None = None


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended: its state (complete, pruned, fail), and what was measured."""

    number: int
    state: str
    values: tuple[float, ...] = ()
    #: SMAE by inner fold and target.
    folds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: (step, value) as reported to the pruner.
    steps: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    #: Why it was pruned or failed.
    reason: str = ""
    device: str = "cpu"
    worker: str = ""
    #: The batch size that was used, which may be half of the one asked for.
    batch_size: int | None = None
