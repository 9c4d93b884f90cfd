"""MODNet's configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from electrode_bench.core.config import Strict

Widths = Annotated[tuple[PositiveInt, ...], Field(max_length=8)]


class Config(Strict):
    """The features, the network's widths and its training."""

    features: PositiveInt | None = None
    """Number of features selected from the training rows by relevance over redundancy; null takes all."""
    selection_rows: PositiveInt = 1000
    """Training rows that the mutual information is estimated from."""
    scaling: Literal["minmax", "standard"] = "standard"
    """Features scaled to -0.5..0.5, or to mean 0 and standard deviation 1."""
    shared: Widths = (256, 256)
    """Widths of the layers that all targets share."""
    grouped: Widths = (128,)
    """Widths of the layers that the two capacities share, and of the separate ones for the voltage."""
    separate: Widths = (32,)
    """Widths of each target's own layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations dropped in training."""
    epochs: PositiveInt = 100
    """Passes over the training rows."""
    batch_size: PositiveInt = 128
    """Rows in a batch; fewer when the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-2
    """AdamW's weight decay."""
    ema: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the exponential moving average of the weights, as a share of all steps; 0 takes the last
    weights."""
    ensemble_size: PositiveInt = 5
    """Networks in the ensemble."""
