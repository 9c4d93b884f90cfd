"""What a sweep of MODNet may try."""

from __future__ import annotations

from collections.abc import Mapping

from electrode_bench.models.search_space import Choice, Dimension, Float, Int

#: Trees cost time and never accuracy: from 50 on.
RF_MAGPIE: Mapping[str, Dimension] = {
    "n_estimators": Int(50, 400, log=True),
    "max_features": Float(0.1, 1.0),
    "min_samples_leaf": Int(1, 10, log=True),
    "max_depth": Choice((None, 8, 16, 32)),
    "targets": Choice(("separate", "joint")),
    "max_samples": Choice((None, 0.5, 0.75)),
}

#: The ensemble's size is left alone: more members are always better and always dearer.
SPACE: Mapping[str, Dimension] = {
    "features": Choice((None, 60, 120, 180)),
    "scaling": Choice(("standard", "minmax")),
    "shared": Choice(((128, 128), (256, 256), (512, 256), (256, 256, 256), (512, 512))),
    "grouped": Choice(((64,), (128,), (256,), (128, 128))),
    "separate": Choice(((32,), (64,), (64, 32))),
    "dropout": Float(0.0, 0.3),
    "epochs": Int(40, 200, log=True),
    "batch_size": Choice((64, 128, 256)),
    "learning_rate": Float(3e-4, 1e-2, log=True),
    "weight_decay": Float(1e-4, 1e-1, log=True),
    "averaging": Choice((0.0, 0.02, 0.05, 0.1)),
}
