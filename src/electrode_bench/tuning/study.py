"""What a study is: a model, what is searched and how, and the part of the data that it sees.

A study sees a :class:`Part`: the rows of an outer fold's training part and folds of these rows. The outer fold's test
rows are not in it, so no trial can have seen them.

A study's name holds a digest of everything that its values depend on (``Setting.identity``): the same command goes on
with the same study, and a changed space, data or split is another one.
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
from electrode_bench.fitting import runs as runner
from electrode_bench.models import search_space
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.search_space import Dimension
from electrode_bench.params import Sweep


@dataclass(frozen=True)
class Part:
    """All that a study sees.

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
        known = set(self.frame.index)
        for fold in self.folds:
            if not known.issuperset(fold.train_ids) or not known.issuperset(fold.test_ids):
                raise ValueError(f"the inner fold {fold.key} of {self.name} holds rows that are not in the part")


@dataclass(frozen=True)
class Setting:
    """One study: a model, what is searched and how, and what it is searched on.

    Parameters
    ----------
    base : the configuration in params.yaml: parameters outside ``space`` keep its values.
    seed : root seed of params.yaml.
    table : digest of the whole table (runner.data_digests), of which the study sees a part: kept with the study, so
        that a configuration that was adopted elsewhere is known to be of other data.
    """

    spec: ModelSpec
    base: Strict
    space: Mapping[str, Dimension]
    how: Sweep
    part: Part
    seed: int
    table: str = ""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Digests and names of all that the study's values depend on; made once, since the data's takes a while."""
        fixed = {k: v for k, v in self.base.model_dump(mode="json").items() if k not in self.space}
        return {
            "model": self.spec.name,
            "part": self.part.name,
            "search space": digest(search_space.as_json(self.space)),
            "fixed parameters": digest(fixed),
            "objective": f"{self.how.objective}{' and seconds' if self.how.against_seconds else ''}",
            "sampler": self.how.sampler,
            "pruner": f"{self.how.pruner}, {self.how.checkpoints} checkpoints",
            "inner folds": digest(sorted(fold_digest(fold) for fold in self.part.folds)),
            "data": digest(runner.data_digests(self.part.frame, self.part.targets)),
            "code": runner.code_digest(self.spec),
            "versions": digest(runner.versions(self.spec)),
            "seed": self.seed,
        }

    @cached_property
    def name(self) -> str:
        """The study's: ``<model>-<part>-<digest of the identity>``."""
        return f"{self.spec.name}-{self.part.name.replace('/', '-')}-{digest(self.identity)[:10]}"

    def configured(self, values: Mapping[str, Any]) -> Strict:
        """The model's configuration with these values of the searched parameters."""
        return models.configure(self.spec.name, {**self.base.model_dump(mode="json"), **values}, where=self.name)


@dataclass(frozen=True)
class Job:
    """One trial on its way to a worker."""

    storage: str
    study: str
    number: int
    trial_id: int
    model: str
    config: Mapping[str, Any]
    part: str
    folds: tuple[Fold, ...]
    how: Sweep
    seed: int
    #: Digest of the code and versions that the study belongs to (runner.made_by).
    made_by: str
    device: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: its state (complete, pruned, fail), and what was measured."""

    number: int
    state: str
    values: tuple[float, ...] = ()
    #: SMAE by inner fold and target.
    folds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: (step, value) as they were reported to the pruner.
    steps: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    #: Of a trial that was pruned or failed.
    reason: str = ""
    device: str = "cpu"
    worker: str = ""
    batch_size: int | None = None
