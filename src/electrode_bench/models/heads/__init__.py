"""What physics-aware models learn instead of the targets: extracted share, density and voltage.

For an electrode of full-extraction capacity Q (Faraday's law, exact), the targets are composed from three quantities::

    gravimetric capacity (mAh/g)   = extracted share (0..1) * Q
    volumetric capacity (mAh/cm3)  = gravimetric capacity * density (g/cm3)
    average voltage (V)            = itself

so that no prediction can exceed Faraday's limit.
"""

from __future__ import annotations

from electrode_bench.data.density import AdditiveDensity
from electrode_bench.models.heads.compose import composed
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.share import ShareScale, median_share, monotone

__all__ = ["AdditiveDensity", "Electrodes", "Quantities", "ShareScale", "composed", "median_share", "monotone"]
