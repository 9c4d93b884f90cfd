"""Boosting: gradient-boosted trees that predict extracted share, density and voltage from composition and ion."""

from __future__ import annotations

from electrode_bench.core.schema import WITH_PHYSICS
from electrode_bench.models.base import ModelSpec
from electrode_bench.models.boosting.config import SPACE, Config
from electrode_bench.models.boosting.model import Boosting
from electrode_bench.models.boosting.saved_trees import library


def available() -> str | None:
    """Why boosting cannot be fitted here; None when it can."""
    try:
        library()
    except OSError as error:
        # Its wheel takes OpenMP's library from the system.
        return f"LightGBM cannot be loaded ({error}); on Debian: apt-get install libgomp1"
    return None


SPEC = ModelSpec(
    name="boosting",
    title="Boosting",
    build=Boosting,
    load=Boosting.load,
    config=Config,
    feature_set="magpie+elements+redox",
    reads=WITH_PHYSICS,
    available=available,
    space=SPACE,
    quick={"share_trees": 5, "density_trees": 5, "voltage_trees": 10},
)
