"""A map that does not fit into memory is refused with its size and a remedy."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from electrode_bench.clustering.clusters import cluster
from electrode_bench.clustering.memory import available, require_memory
from electrode_bench.errors import UserError
from electrode_bench.params import DBSCAN


def test_the_snapshot_fits_and_a_hundred_million_compositions_do_not() -> None:
    require_memory(3_200, features=280, neighbours=91)
    expected = (
        r"the map of 100,000,000 compositions needs about 1926\.8 GB of memory, and .* GB are free; use a machine"
    )
    with pytest.raises(UserError, match=expected):
        require_memory(100_000_000, features=280, neighbours=91)


@pytest.fixture
def limited() -> Iterator[int]:
    """A limit of this process's memory, 1 GB above what it has now."""
    import psutil

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 1_000_000_000, hard))
    yield 1_000_000_000
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_the_limit_of_an_account_counts(limited: int) -> None:
    assert 0.9 * limited < available() <= limited
    with pytest.raises(UserError, match=r"the map of 60,000 compositions needs about 1\.6 GB"):
        require_memory(60_000, features=280, neighbours=91)


def test_a_radius_with_too_many_pairs_is_refused_on_a_large_map() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.normal(size=(12_000, 2)), columns=["x", "y"])
    expected = r"map\.dbscan\.eps \(9\) makes 14\d,\d\d\d,\d\d\d pairs of neighbours among 12,000 compositions.*2 GB"
    with pytest.raises(UserError, match=expected):
        cluster(points, DBSCAN(eps=9.0))
