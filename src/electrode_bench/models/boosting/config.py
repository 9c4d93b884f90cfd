"""Boosting's configuration, and what tuning may try of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.models.search_space import Dimension, Float, Int

Share = Annotated[float, Field(gt=0, le=1)]
Leaves = Annotated[int, Field(ge=2, le=1024)]


class Config(Strict):
    """LightGBM's parameters for each of the three quantities."""

    share_trees: PositiveInt = 150
    """Trees of the model of each threshold of the extracted share."""
    share_learning_rate: PositiveFloat = 0.05
    """How much each of these trees counts."""
    share_leaves: Leaves = 31
    """Largest number of leaves of these trees."""
    share_columns: Share = 0.25
    """Share of the features that each of these trees may use."""
    share_l2: NonNegativeFloat = 5.0
    """L2 regularisation of the values of their leaves."""
    density_trees: PositiveInt = 400
    """Trees of the model of the density (random splits, Huber loss)."""
    density_learning_rate: PositiveFloat = 0.08
    """How much each of these trees counts."""
    voltage_trees: PositiveInt = 750
    """Trees of the model of the voltage (random splits, Huber loss)."""
    voltage_learning_rate: PositiveFloat = 0.06
    """How much each of these trees counts."""
    voltage_leaves: Leaves = 31
    """Largest number of leaves of these trees."""
    voltage_columns: Share = 0.5
    """Share of the features that each of these trees may use."""
    voltage_huber: PositiveFloat = 0.3
    """Error (V) from which on the loss grows linearly, so that a few unphysical voltages do not lead the model."""
    min_rows: PositiveInt = 5
    """Smallest number of rows in a leaf, of all trees."""


SPACE: Mapping[str, Dimension] = {
    "share_trees": Int(50, 400, log=True),
    "share_learning_rate": Float(0.02, 0.15, log=True),
    "share_leaves": Int(7, 63, log=True),
    "share_columns": Float(0.1, 1.0),
    "share_l2": Float(0.1, 30.0, log=True),
    "density_trees": Int(200, 1500, log=True),
    "voltage_trees": Int(400, 4000, log=True),
    "voltage_learning_rate": Float(0.01, 0.1, log=True),
    "voltage_leaves": Int(7, 63, log=True),
    "voltage_columns": Float(0.1, 1.0),
    "voltage_huber": Float(0.1, 1.0, log=True),
    "min_rows": Int(2, 20, log=True),
}
