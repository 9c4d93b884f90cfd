"""How the heads of a network for electrodes are weighed against each other: what models with such heads configure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import PositiveFloat

from electrode_bench.core.config import Strict
from electrode_bench.models.search_space import Choice, Dimension, Float


class HeadWeights(Strict):
    """Weights of the heads' losses."""

    share_weight: PositiveFloat = 4.0
    """Weight of the extracted share: mean cross-entropy over the thresholds, times the row's full capacity over the
    mean."""
    density_weight: PositiveFloat = 1.0
    """Weight of the absolute error of the log density, in units of its deviation."""
    voltage_weight: PositiveFloat = 1.0
    """Weight of the voltage's loss, in units of its deviation."""
    voltage_loss: Literal["l1", "huber"] = "l1"
    """Absolute error of the voltage, or the same with a parabola for small errors."""
    voltage_huber: PositiveFloat = 0.2
    """Error, in units of the voltage's deviation, below which the Huber loss is a parabola."""


#: What tuning may try of them.
HEAD_SPACE: Mapping[str, Dimension] = {
    "share_weight": Float(1.0, 16.0, log=True),
    "voltage_weight": Float(0.5, 4.0, log=True),
    "voltage_loss": Choice(("l1", "huber")),
}
