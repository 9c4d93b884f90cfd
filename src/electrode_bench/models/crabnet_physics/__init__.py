"""CrabNet with physics: the working ion marked, features on each token, and heads that keep Faraday's law."""

from __future__ import annotations

from electrode_bench.core.schema import WITH_PHYSICS
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.crabnet_physics.config import Config
from electrode_bench.models.crabnet_physics.model import CrabNetPhysics
from electrode_bench.models.crabnet_physics.space import SPACE
from electrode_bench.models.device import network_device

SPEC = ModelSpec(
    name="crabnet_physics",
    title="CrabNet with physics",
    build=CrabNetPhysics,
    load=CrabNetPhysics.load,
    config=Config,
    feature_set="modnet+elements+redox",
    reads=WITH_PHYSICS,
    device=network_device,
    space=SPACE,
    quick={"epochs": 1, "ensemble_size": 1},
)
