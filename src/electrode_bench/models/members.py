"""The members of an ensemble: the models whose predictions it combines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import pandas as pd

from electrode_bench.core import feature_names
from electrode_bench.core.config import Strict
from electrode_bench.core.schema import COMPOSITION_ONLY
from electrode_bench.models.base import EnsembleConfig, Model, ModelSpec, Prediction
from electrode_bench.models.registry import configured, named
from electrode_bench.params import Params


@dataclass(frozen=True)
class Member:
    """A member with its configuration, which is that of params.yaml."""

    spec: ModelSpec
    config: Strict


@dataclass(frozen=True)
class FittedMember:
    """A fitted member.

    Attributes
    ----------
    about : what it was trained on (see ``models.saved``).
    columns : the columns of its features, in their order.
    """

    model: Model
    spec: ModelSpec
    about: Mapping[str, Any]
    columns: tuple[str, ...]


class EnsembleModel(Model, Protocol):
    """What the ``build`` of an ensemble returns. It is not fitted by itself: its members are fitted elsewhere."""

    def combine(self, predictions: Mapping[str, Prediction], frame: pd.DataFrame) -> Prediction:
        """The prediction of the ensemble from those of its members, by name.

        Parameters
        ----------
        frame : the features of the rows that were predicted, with the columns of all members.
        """
        ...

    def with_members(self, members: Mapping[str, FittedMember]) -> Self:
        """The same ensemble with fitted members, which predicts and can be saved."""
        ...


def members_of(config: Strict) -> dict[str, Member]:
    """The members that a configuration names, by name; none for a model that is not an ensemble.

    Raises
    ------
    UserError
        When there is no such model.
    """
    if not isinstance(config, EnsembleConfig):
        return {}
    params = Params(seed=0, models={name: dict(values) for name, values in config.configurations.items()})
    specs = {name: named(name, params) for name in config.members}
    return {name: Member(spec, configured(spec, params)) for name, spec in specs.items()}


def feature_set_of(spec: ModelSpec, config: Strict) -> str | None:
    """Name of the feature set that a model reads; for an ensemble the feature sets of all members, each once."""
    read = [member.spec.feature_set for member in members_of(config).values()] or [spec.feature_set]
    names = dict.fromkeys(one for name in read if name is not None for one in feature_names.split(name))
    return "+".join(names) or None


def reads_of(spec: ModelSpec, config: Strict) -> str:
    """What a model reads, in words; for an ensemble what those of its members read that read most."""
    read = [member.spec.reads for member in members_of(config).values()] or [spec.reads]
    return "; ".join(dict.fromkeys(text for text in read if text != COMPOSITION_ONLY)) or COMPOSITION_ONLY
