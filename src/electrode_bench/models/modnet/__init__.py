"""MODNet: a feed-forward network on selected features."""

from __future__ import annotations

from electrode_bench.models.base import ModelSpec
from electrode_bench.models.device import network_device
from electrode_bench.models.modnet.config import Config
from electrode_bench.models.modnet.model import MODNet
from electrode_bench.models.modnet.space import SPACE

SPEC = ModelSpec(
    name="modnet",
    title="MODNet",
    build=MODNet,
    load=MODNet.load,
    config=Config,
    feature_set="modnet",
    device=network_device,
    space=SPACE,
    quick={"epochs": 2, "ensemble_size": 2, "shared": [16], "grouped": [16], "separate": []},
)
