"""Executors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from electrode_bench.fitting.executor import Executor


@pytest.fixture(scope="module")
def on_ray(ray_nodes: Any) -> Iterator[Executor]:
    """A Ray cluster whose tasks take 2 CPUs each."""
    from electrode_bench.fitting.ray import cluster

    with cluster(address=ray_nodes.address, cpus=2) as joined:
        yield joined
