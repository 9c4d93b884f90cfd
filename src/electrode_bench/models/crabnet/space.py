"""What tuning may try of CrabNet's parameters."""

from __future__ import annotations

from collections.abc import Mapping

from electrode_bench.models.search_space import Choice, Dimension, Float, Int

#: The ensemble's size is not searched: a larger ensemble is always better and always costs more.
SPACE: Mapping[str, Dimension] = {
    "epochs": Int(40, 200, log=True),
    "batch_size": Choice((32, 64, 128)),
    "learning_rate": Float(5e-4, 1e-2, log=True),
    "weight_decay": Float(1e-4, 1e-1, log=True),
    "dropout": Float(0.0, 0.2),
    "fraction_noise": Float(0.0, 0.1),
    "loss": Choice(("l1", "robust_l1")),
    "ema": Choice((0.0, 0.02, 0.05, 0.1)),
}
