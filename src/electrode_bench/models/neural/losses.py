"""How the heads of a network for electrodes are weighed against each other: what models with such heads configure."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat

from electrode_bench.core.config import Strict


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
