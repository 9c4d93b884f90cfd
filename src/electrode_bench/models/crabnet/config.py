"""CrabNet's configuration, and the widths of its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from electrode_bench.core.config import Strict

#: Arguments of :class:`~electrode_bench.models.crabnet.network.CrabNetwork` by preset: those of the study, which are
#: the crabnet package's (it weighs elements by their fraction and gates the mean), and ours.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "study": {
        "d_model": 512,
        "layers": 3,
        "heads": 4,
        "feed_forward": 2048,
        "hidden": (1024, 512, 256, 128),
        "by_fraction": True,
    },
    "small": {
        "d_model": 64,
        "layers": 3,
        "heads": 4,
        "feed_forward": 256,
        "hidden": (128,),
        # On small training sets the gate can close for good, and every prediction is then the same number.
        "gated": False,
        "norm_first": True,
    },
}


class Config(Strict):
    """The network's widths and its training."""

    preset: Literal["small", "study"] = "small"
    """Widths: small (d_model 64, feed-forward 256) or the study's (512, 2048)."""
    epochs: PositiveInt = 100
    """Passes over the training compositions."""
    batch_size: PositiveInt = 64
    """Compositions in a batch; fewer when the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-2
    """AdamW's weight decay."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations dropped in the transformer."""
    fraction_noise: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Relative standard deviation of the noise added to the fractions in training."""
    loss: Literal["l1", "robust_l1"] = "l1"
    """l1 fits the mean by its absolute error, and the standard deviation separately; robust_l1 weighs each row's
    error by its predicted standard deviation."""
    ema: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the exponential moving average of the weights, as a share of all steps; 0 takes the last
    weights."""
    ensemble_size: PositiveInt = 2
    """Networks in the ensemble."""
