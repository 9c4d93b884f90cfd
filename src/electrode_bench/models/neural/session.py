"""The surroundings of a computation in torch: device, seed, threads and kernels, restored afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from electrode_bench.models.device import choose_device


@contextmanager
def session(seed: int) -> Iterator[torch.device]:
    """Run a block with random numbers from ``seed``, one CPU thread and deterministic kernels; yields the device.

    Afterwards the random state, the number of threads and the choice of kernels are as before. The block uses one
    thread because sums over several threads depend on how the work was divided, and because workers that each use all
    cores slow each other down.
    """
    device = choose_device()
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    if device.type == "cuda":
        # cuBLAS is deterministic only with a fixed workspace.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    devices = [torch.cuda.current_device() if device.index is None else device.index] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed % 2**63)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield device
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)


def autocast(device: torch.device) -> Any:
    """A context in which matrix products on a GPU use bfloat16; on the CPU they keep full precision."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
