"""MODNet with physics: the working ion and redox features as inputs, and heads that keep Faraday's law."""

from __future__ import annotations

from electrode_bench.core.schema import WITH_PHYSICS
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.device import network_device
from electrode_bench.models.modnet_physics.config import Config
from electrode_bench.models.modnet_physics.model import MODNetPhysics
from electrode_bench.models.modnet_physics.space import SPACE

SPEC = ModelSpec(
    name="modnet_physics",
    title="MODNet with physics",
    build=MODNetPhysics,
    load=MODNetPhysics.load,
    config=Config,
    feature_set="modnet+elements+redox",
    reads=WITH_PHYSICS,
    device=network_device,
    space=SPACE,
    quick={"epochs": 2, "ensemble_size": 2, "shared": [16], "grouped": [16], "separate": []},
)
