"""CrabNet: attention over the elements of a composition."""

from __future__ import annotations

from electrode_bench.models.base import ModelSpec
from electrode_bench.models.crabnet.config import Config
from electrode_bench.models.crabnet.model import CrabNet
from electrode_bench.models.crabnet.space import SPACE
from electrode_bench.models.device import network_device

SPEC = ModelSpec(
    name="crabnet",
    title="CrabNet",
    build=CrabNet,
    load=CrabNet.load,
    config=Config,
    feature_set="elements",
    device=network_device,
    space=SPACE,
    quick={"epochs": 1, "ensemble_size": 1},
)
