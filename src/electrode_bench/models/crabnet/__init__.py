"""CrabNet: attention over the elements of a composition."""

from __future__ import annotations

from electrode_bench.models.base import ModelSpec, network_device
from electrode_bench.models.crabnet.model import Config, CrabNet
from electrode_bench.models.crabnet.space import SPACE

SPEC = ModelSpec(
    name="crabnet",
    title="CrabNet",
    build=CrabNet,
    load=CrabNet.load,
    config=Config,
    feature_set="elements",
    device=network_device,
    space=SPACE,
    quick={"epochs": 1, "members": 1},
)
