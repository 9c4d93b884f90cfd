"""Ensemble: the average of several models, whose own folds it uses.

Members that predict the distribution of the extracted share are combined in the quantities that they learn: their
distributions are averaged and the median of the mixture is the share, and log density and voltage are averaged. The
capacities are composed from these. A member without a distribution is averaged in the targets themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, model_validator

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.schema import GRAVIMETRIC, SHARE_THRESHOLDS, VOLTAGE, VOLUMETRIC, WITH_PHYSICS
from electrode_bench.models import saved
from electrode_bench.models.base import EnsembleConfig, ModelSpec, Prediction, check_columns
from electrode_bench.models.heads import median_share
from electrode_bench.models.heads.quantities import EXACT_SHARE, FULL_CAPACITY
from electrode_bench.models.members import FittedMember

#: The targets in the order of :class:`Weights`.
_TARGETS = (GRAVIMETRIC.key, VOLUMETRIC.key, VOLTAGE.key)


class Weights(Strict):
    """How much a member counts, relative to the others."""

    share: NonNegativeFloat = 1.0
    """For the distribution of the extracted share; for a member without one, for the gravimetric capacity."""
    density: NonNegativeFloat = 1.0
    """For the density; for a member without a distribution of the share, for the volumetric capacity."""
    voltage: NonNegativeFloat = 1.0
    """For the voltage."""


class Config(EnsembleConfig):
    """Which models are averaged, and how much each counts."""

    members: tuple[str, ...] = ("boosting", "modnet_physics", "crabnet_physics")
    """Names of the models that are averaged. Each has the configuration of params.yaml."""
    weights: Mapping[str, Weights] = Field(default_factory=dict)
    """How much each member counts for share, density and voltage; a member that is not named counts 1. Weights are
    chosen on inner folds of training rows, never on the folds that the report shows."""

    @model_validator(mode="after")
    def _weights_of_members(self) -> Self:
        for name in self.weights:
            if name not in self.members:
                raise ValueError(f"weights: '{name}' is not among the members")
        for quantity in Weights.model_fields:
            if not any(getattr(self.weight(name), quantity) for name in self.members):
                raise ValueError(f"weights: at least one member must count for the {quantity}")
        return self

    def weight(self, member: str) -> Weights:
        """The weights of a member."""
        return self.weights.get(member, Weights())


class Ensemble:
    """The weighted average of its members."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.members_: dict[str, FittedMember] = {}

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:  # noqa: ARG002 (the shape of every model)
        raise ValueError("an ensemble is not fitted by itself; its fitted members are given to with_members")

    def with_members(self, members: Mapping[str, FittedMember]) -> Self:
        """The same ensemble with fitted members; errors when they are not those of the configuration."""
        if set(members) != set(self.config.members):
            raise ValueError(f"the members are {', '.join(self.config.members)}, not {', '.join(members)}")
        fitted = type(self)(self.config)
        fitted.members_ = {name: members[name] for name in self.config.members}
        return fitted

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if not self.members_:
            raise ValueError("the ensemble is not fitted; call with_members first")
        check_columns(frame, self._columns())
        predictions = {
            name: member.model.predict(frame[list(member.columns)]) for name, member in self.members_.items()
        }
        return self.combine(predictions, frame)

    def combine(self, predictions: Mapping[str, Prediction], frame: pd.DataFrame) -> Prediction:
        """See :class:`~electrode_bench.models.members.EnsembleModel`.

        The standard deviation is that of the mixture of the members, around the combined prediction: it grows with the
        members' own deviations and with their disagreement. The distribution of the share is given if all members have
        one.

        Raises
        ------
        ValueError
            When members predict distributions of the share and the frame lacks the full capacity.
        """
        of_members = {name: predictions[name] for name in self.config.members}
        weights = np.array([list(self.config.weight(name).model_dump().values()) for name in of_members])
        values = np.stack([p.mean[list(_TARGETS)].to_numpy(dtype=float) for p in of_members.values()])
        learned = [p.share is not None for p in of_members.values()]
        share = share_values = None
        rows, counts = values, weights
        if any(learned):
            shared = [p for p in of_members.values() if p.share is not None]
            own = weights[learned]
            share, share_values = _mixture(shared, own[:, 0])
            # With the charged formula, the share is known exactly.
            known = frame[EXACT_SHARE].to_numpy(dtype=float) if EXACT_SHARE in frame else None
            extracted = median_share(share, share_values) if known is None else known
            composed = _composed(values[learned], own, extracted, _full_capacity(frame))
            # Together they are one member more, with the weight of all of them.
            rows = np.concatenate([composed[None], values[~np.array(learned)]])
            counts = np.concatenate([own.sum(axis=0)[None], weights[~np.array(learned)]])
        mean = _weighted(rows, counts)
        complete = all(learned)
        return Prediction.of(
            mean,
            _deviation(list(of_members.values()), values, mean, weights),
            index=frame.index,
            targets=_TARGETS,
            share=share if complete else None,
            share_values=share_values if complete else None,
        )

    def save(self, folder: Path) -> None:
        state = {
            "config": self.config.model_dump(mode="json"),
            "columns": {name: list(member.columns) for name, member in self.members_.items()},
        }
        write_text(json.dumps(state), folder / "ensemble.json")
        for name, member in self.members_.items():
            (folder / name).mkdir()
            saved.save(member.model, folder / name, spec=member.spec, about=member.about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        state = json.loads((folder / "ensemble.json").read_text(encoding="utf-8"))
        members = {}
        for name, columns in state["columns"].items():
            model, about = saved.load(folder / name)
            members[name] = FittedMember(model, saved.spec_of(about), about, tuple(columns))
        return cls(Config.model_validate(state["config"])).with_members(members)

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(column for member in self.members_.values() for column in member.columns))


def _mixture(members: list[Prediction], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The average distribution of the share (n x thresholds), and the average value of each interval."""
    shares = [p.share for p in members if p.share is not None]
    cumulative = np.stack([share[list(SHARE_THRESHOLDS)].to_numpy(dtype=float) for share in shares])
    values = np.array([p.share_values for p in members], dtype=float)
    if not weights.any():
        weights = np.ones(len(members))
    mixture = np.clip(np.average(cumulative, axis=0, weights=weights), 0.0, 1.0)
    # An average of equal numbers may differ from them, and so may one of ascending rows fall, by the last bit.
    same = (values == values[0]).all()
    return np.maximum.accumulate(mixture, axis=1), values[0] if same else np.average(values, axis=0, weights=weights)


def _composed(values: np.ndarray, weights: np.ndarray, share: np.ndarray, full_capacity: np.ndarray) -> np.ndarray:
    """Targets (n x targets) from the share of the mixture and the members' average log density and voltage.

    Parameters
    ----------
    values : (members x n x targets) what the members predict.
    weights : (members x 3) of share, density and voltage.
    """
    density, voltage = (w if w.any() else np.ones(len(values)) for w in (weights[:, 1], weights[:, 2]))
    log_density = np.log(values[:, :, 1] / values[:, :, 0])
    gravimetric = share * full_capacity
    return np.stack(
        [
            gravimetric,
            gravimetric * np.exp(np.average(log_density, axis=0, weights=density)),
            np.average(values[:, :, 2], axis=0, weights=voltage),
        ],
        axis=1,
    )


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The average (n x targets) of values (members x n x targets) with weights (members x targets)."""
    average: np.ndarray = (values * weights[:, None, :]).sum(axis=0) / weights.sum(axis=0)
    return average if len(values) > 1 else values[0]


def _deviation(
    members: list[Prediction], values: np.ndarray, mean: np.ndarray, weights: np.ndarray
) -> np.ndarray | None:
    """Standard deviations (n x targets) of the mixture; None for a single member that predicts none."""
    own = np.stack(
        [p.std[list(_TARGETS)].to_numpy(dtype=float) if p.std is not None else np.zeros(mean.shape) for p in members]
    )
    if len(members) == 1 and members[0].std is None:
        return None
    deviation: np.ndarray = np.sqrt(_weighted(own**2 + (values - mean) ** 2, weights))
    return deviation


def _full_capacity(frame: pd.DataFrame) -> np.ndarray:
    if FULL_CAPACITY not in frame:
        raise ValueError(f"members that predict the extracted share need the feature '{FULL_CAPACITY}'")
    return frame[FULL_CAPACITY].to_numpy(dtype=float)


def build(config: Config, seed: int) -> Ensemble:  # noqa: ARG001 (nothing is drawn here)
    return Ensemble(config)


SPEC = ModelSpec(
    name="ensemble",
    title="Ensemble",
    build=build,
    load=Ensemble.load,
    config=Config,
    # Those of its members.
    feature_set=None,
    reads=WITH_PHYSICS,
    quick={"members": ("boosting", "modnet_physics")},
)
