"""A forest that depends on a library whose version differs between the driver and the workers of a Ray cluster."""

from __future__ import annotations

import os
from dataclasses import replace

from electrode_bench.models import rf_magpie

#: Set for one process: workers of a cluster that was started before do not see it.
VERSION = "MADE_UP_LIBRARY_VERSION"

SPEC = replace(
    rf_magpie.SPEC, name="drifting_model", libraries=("made-up",), version_of=lambda _: os.environ.get(VERSION, "1")
)
