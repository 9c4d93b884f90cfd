"""A Ray cluster on loopback during the tests."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from support import TESTS


@contextmanager
def cluster() -> Iterator[Any]:
    """A Ray cluster of two nodes on this machine: 2 CPUs, and 4 CPUs with what it declares to be a GPU."""
    pytest.importorskip("ray", reason="Ray is not installed: make ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # The path of a socket has at most 107 bytes; pytest's folders are longer.
        folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Workers import from here, whatever driver they work for.
        folders = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(folders))
        # Idle workers that are started in advance would keep two cores busy with imports.
        patch.setenv("RAY_prestart_worker_first_driver", "0")
        # Notice a lost node within seconds.
        patch.setenv("RAY_health_check_initial_delay_ms", "0")
        patch.setenv("RAY_health_check_period_ms", "300")
        bare = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, **bare})
        try:
            cluster.add_node(num_cpus=4, num_gpus=1)
            yield cluster
        finally:
            cluster.shutdown()
            left = _left_behind(folder)
            shutil.rmtree(folder)
    assert left == []


def _left_behind(folder: str) -> list[str]:
    """Command lines of Ray's processes of the cluster in ``folder`` that still run."""
    for _ in range(50):
        left = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                ours = any(folder in value for value in process.environ().values())
                if ours and ("ray::" in command or "/ray/" in command):
                    left.append(command)
        if not left:
            break
        time.sleep(0.1)
    return left
