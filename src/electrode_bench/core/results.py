"""The record of a run: one fitted model under one protocol, its predictions, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pydantic import ConfigDict, Field

from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.schema import COMPOSITION_ONLY


def stage_of(model: str) -> str:
    """The stage of dvc.yaml that fits a model under all protocols."""
    return f"fit@{model}"


class FoldRecord(Strict):
    """One fold of a run."""

    cache_key: str
    """Name of the fold's folder in the fold cache: the digest of everything that its numbers depend on."""
    seed: int
    """Seed of the fit, derived from the root seed and the names of model, protocol and fold."""
    n_train: int
    """Training rows, repeats included."""
    n_test: int
    """Test rows."""
    share_values: tuple[float, ...] | None = None
    """The share that stands for each interval between thresholds; None for a model without a distribution of it."""


class MemberRecord(Strict):
    """A member of an ensemble."""

    module: str
    """The Python module that defines it."""
    feature_set: str | None
    """Name of the feature set that it reads; None for a model that reads none."""
    config: str
    """Digest of its configuration, which is in the ensemble's."""
    code: str
    """Digest of the source code that decides its fits."""


class RunDigests(Strict):
    """SHA-256 (hex) of what a run was made from, and of what came out."""

    split: str
    """The protocol's folds."""
    features: str
    """The features of all electrodes."""
    table: str
    """The targets of all electrodes."""
    code: str
    """The source code that decides a fit (see ``core.source_closure``)."""
    config: str
    """The model's configuration."""
    predictions: str
    """The predictions of all folds."""
    share: str
    """The distributions of the extracted share of all folds."""
    run: str = ""
    """Everything else in the record."""


class Run(Strict):
    """One model fitted under one protocol.

    ``predictions`` has the columns :data:`~electrode_bench.core.schema.PREDICTION_COLUMNS`, and ``share`` those of
    :data:`~electrode_bench.core.schema.SHARE_COLUMNS`, without rows for a model that does not predict the distribution
    of the extracted share. The other fields are the content of ``cell.json``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    """The model's name in params.yaml."""
    title: str
    """The model's name for people."""
    module: str
    """The Python module that defines the model."""
    protocol: str
    feature_set: str | None
    """Name of the feature set that the model reads, or several names joined by "+"; None for a model that reads
    none."""
    reads: str = COMPOSITION_ONLY
    """What the model reads, for people; the tables separate models by it."""
    composition: str
    """What stands for an electrode (``featurize.composition``)."""
    config: Mapping[str, Any]
    """The model's configuration."""
    seed: int
    """Root seed of params.yaml."""
    versions: Mapping[str, str]
    """Versions of the libraries that decide a fit."""
    digests: RunDigests
    members: Mapping[str, MemberRecord] = {}
    """The members of an ensemble, by name; none for any other model."""
    folds: Mapping[str, FoldRecord]
    """By the fold's key, in the order of the split."""
    predictions: pd.DataFrame = Field(exclude=True, repr=False)
    share: pd.DataFrame = Field(exclude=True, repr=False)

    # Tables are not compared for equality; the digest tells whether two runs are the same.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.digests == other.digests

    def __hash__(self) -> int:
        return hash((self.model, self.protocol, self.digests.run))

    @property
    def name(self) -> str:
        """Model and protocol, for messages."""
        return f"{self.model} under {self.protocol}"

    @property
    def stage(self) -> str:
        """The stage of dvc.yaml that makes the run."""
        return stage_of(self.model)

    @property
    def training_sizes(self) -> dict[str, int]:
        """Training rows by fold."""
        return {key: fold.n_train for key, fold in self.folds.items()}

    @property
    def configurations(self) -> dict[str, str]:
        """Digests of the configurations that the run was made with: the model's own, and those of its members."""
        return {self.model: self.digests.config, **{name: member.config for name, member in self.members.items()}}

    def record(self) -> dict[str, Any]:
        """The content of ``cell.json``: everything but the tables."""
        return self.model_dump(mode="json")

    def sealed(self) -> Run:
        """The same run with the digest of its record filled in."""
        own = digest_of_record(self.record())
        return self.model_copy(update={"digests": self.digests.model_copy(update={"run": own})})

    @property
    def has_its_tables(self) -> bool:
        """Whether the predictions and the distributions of the share are those that the record was written with."""
        found = (digest_frame(self.predictions), digest_frame(self.share))
        return found == (self.digests.predictions, self.digests.share)


def digest_of_record(record: Mapping[str, Any]) -> str:
    """The digest of everything in ``cell.json`` but the digest itself."""
    digests = {name: value for name, value in record["digests"].items() if name != "run"}
    return digest({**record, "digests": digests})


TuningState = Literal["not_nested", "other_data", "edited"]


class Adoption(Strict):
    """Where a model's tuned configuration comes from: the content of ``sweeps/<model>/adopted.json``."""

    model: str
    study: str
    """Name of the study."""
    trial: int
    """Number of the trial."""
    part: str
    """Outer fold whose training set was tuned on, as ``grouped/fold-0``."""
    config: str
    """Digest of the configuration that was adopted."""
    table: str
    """Digest of the targets that the study's training set was taken from."""
    base: Mapping[str, Any]
    """The configuration before any tuning: studies on other folds begin with it."""

    def state(self, *, config: str, table: str) -> TuningState:
        """What may be said of a run whose configuration and targets have these digests.

        ``edited``
            The configuration was changed after it was adopted.
        ``other_data``
            The study saw another table than the run.
        ``not_nested``
            The study saw rows that the run's folds test on.
        """
        if config != self.config:
            return "edited"
        return "not_nested" if table == self.table else "other_data"
