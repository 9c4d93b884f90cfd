"""What tuning may try of the parameters of CrabNet with physics."""

from __future__ import annotations

from collections.abc import Mapping

from electrode_bench.models.neural.losses import HEAD_SPACE
from electrode_bench.models.search_space import Choice, Dimension, Float, Int

#: The ensemble's size is not searched: a larger ensemble is always better and always costs more.
SPACE: Mapping[str, Dimension] = {
    "layers": Int(1, 4),
    "hidden": Choice(((128,), (128, 128), (256,))),
    "epochs": Int(30, 100, log=True),
    "batch_size": Choice((32, 64, 128)),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "weight_decay": Float(1e-4, 3e-1, log=True),
    "dropout": Float(0.0, 0.2),
    "fraction_noise": Float(0.0, 0.1),
    "ema": Choice((0.0, 0.02, 0.05, 0.1)),
    **HEAD_SPACE,
}
