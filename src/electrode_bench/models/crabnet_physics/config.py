"""The configuration of CrabNet with physics."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from electrode_bench.models.neural.losses import HeadWeights


class Config(HeadWeights):
    """The network's widths, its training and the weights of its heads."""

    d_model: Annotated[int, Field(ge=8, multiple_of=8)] = 64
    """Width of a token."""
    layers: PositiveInt = 3
    """Layers of the transformer; each has 4 heads."""
    feed_forward: PositiveInt = 256
    """Width of the feed-forward part of each layer."""
    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=8)] = (128,)
    """Widths of the layers after the transformer."""
    bins: NonNegativeInt = 16
    """Intervals of the encoding of each redox feature; 0 for none."""
    epochs: PositiveInt = 40
    """Passes over the training electrodes."""
    batch_size: PositiveInt = 64
    """Electrodes in a batch; fewer when the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-1
    """AdamW's weight decay."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations dropped in the transformer."""
    fraction_noise: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Relative standard deviation of the noise added to the fractions in training."""
    ema: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the exponential moving average of the weights, as a share of all steps; 0 takes the last
    weights."""
    ensemble_size: PositiveInt = 2
    """Networks in the ensemble."""
