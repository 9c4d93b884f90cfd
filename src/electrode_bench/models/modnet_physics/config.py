"""The configuration of MODNet with physics."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from electrode_bench.models.modnet.config import Widths
from electrode_bench.models.neural.losses import HeadWeights


class Config(HeadWeights):
    """The network's widths, its training and the weights of its heads."""

    shared: Widths = (256, 256)
    """Widths of the layers that all heads share."""
    grouped: Widths = (128,)
    """Widths of the first of each head's own layers."""
    separate: Widths = (32,)
    """Widths of the layers that follow."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of activations dropped in training."""
    bins: NonNegativeInt = 16
    """Intervals of the encoding of each redox feature; 0 for none."""
    epochs: PositiveInt = 60
    """Passes over the training rows."""
    batch_size: PositiveInt = 128
    """Rows in a batch; fewer when the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-1
    """AdamW's weight decay."""
    ema: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the exponential moving average of the weights, as a share of all steps; 0 takes the last
    weights."""
    ensemble_size: PositiveInt = 3
    """Networks in the ensemble."""
