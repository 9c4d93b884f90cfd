"""Search spaces as Optuna has them, and values as Optuna stores them.

Optuna stores texts, numbers and null. A choice is stored as JSON, which keeps 1 and true apart and holds lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from electrode_bench.models.search_space import Choice, Dimension, Float, outside

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def distributions(space: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each parameter, in the order of the space."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    def one(dimension: Dimension) -> BaseDistribution:
        if isinstance(dimension, Choice):
            return CategoricalDistribution([json.dumps(value) for value in dimension.values])
        kind = FloatDistribution if isinstance(dimension, Float) else IntDistribution
        return kind(dimension.low, dimension.high, log=dimension.log)  # type: ignore[arg-type]

    return {name: one(dimension) for name, dimension in space.items()}


def decoded(stored: Mapping[str, Any], space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Stored values as they are written in params.yaml, in the order of the space."""

    def one(value: Any, dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return json.loads(value)
        # Few digits, so that the adopted value in params.yaml is exactly the one that was tried.
        return float(f"{value:.4g}") if isinstance(dimension, Float) else value

    return {name: one(stored[name], dimension) for name, dimension in space.items() if name in stored}


def encoded(values: Mapping[str, Any], space: Mapping[str, Dimension]) -> dict[str, Any] | None:
    """The values of the space's parameters as Optuna stores them; None when one of them lies outside the space."""
    if outside(space, values):
        return None

    def one(value: Any, dimension: Dimension) -> Any:
        if isinstance(dimension, Choice):
            return json.dumps(value)
        return float(value) if isinstance(dimension, Float) else value

    return {name: one(values[name], dimension) for name, dimension in space.items()}
