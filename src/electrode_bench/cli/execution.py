"""Where fits run: the options that choose workers, GPUs or a Ray cluster, and what happens on SIGTERM."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from electrode_bench.errors import UserError, nearest

if TYPE_CHECKING:
    from electrode_bench.fitting.executor import Executor

BACKENDS = ("local", "ray")

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", min=1, envvar="ELECTRODE_BENCH_WORKERS", show_default="all cores",
        help="Processes on this machine that fit folds in parallel, with one thread each.",
    ),
]  # fmt: skip

Backend = Annotated[
    str,
    typer.Option(
        envvar="ELECTRODE_BENCH_BACKEND",
        help="Where folds are fitted: local (this machine) or ray (the Ray cluster that this machine belongs to).",
    ),
]  # fmt: skip

GPUsPerFold = Annotated[
    float,
    typer.Option(
        min=0, envvar="ELECTRODE_BENCH_GPUS_PER_FOLD",
        help="GPUs for each fold on a Ray cluster; with 0.25, four folds share one GPU; with 0, folds see no GPU.",
    ),
]  # fmt: skip

Device = Annotated[
    str | None,
    typer.Option(
        "--device", envvar="ELECTRODE_BENCH_DEVICE", show_default="a GPU if one is visible, else the CPU",
        help="Where networks are trained: auto, cpu, cuda or cuda:N. CUDA_VISIBLE_DEVICES works as usual.",
    ),
]  # fmt: skip


def use_device(device: str | None) -> None:
    """Choose the device of networks for this process and all workers."""
    from electrode_bench.models.device import DEVICE_VARIABLE

    # Workers are separate processes, which inherit the environment.
    os.environ[DEVICE_VARIABLE] = device or "auto"


@contextmanager
def executor(
    backend: str, *, workers: int | None, gpus: float, gpus_option: str = "--gpus-per-fold"
) -> Iterator[Executor]:
    """The executor that the options describe.

    Raises
    ------
    UserError
        When the options contradict each other, or the Ray cluster cannot be used.
    """
    from electrode_bench.fitting import executor as executors
    from electrode_bench.fitting import ray

    if backend not in BACKENDS:
        raise UserError(f"unknown backend '{backend}'; {nearest(backend, BACKENDS)}")
    if backend == "local":
        if gpus:
            raise UserError(
                f"{gpus_option} is for --backend ray; local workers share the visible GPUs: "
                "choose how many with --workers"
            )
        yield executors.Local(workers or _cores())
        return
    if workers is not None:
        raise UserError(
            "--workers (ELECTRODE_BENCH_WORKERS) is for --backend local; "
            f"a Ray cluster runs as many fits in parallel as its CPUs, and its GPUs for {gpus_option}, allow"
        )
    with ray.cluster(gpus=gpus) as cluster:
        yield cluster


def _cores() -> int:
    import joblib

    return int(joblib.cpu_count())


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C within the block, so that open runs are closed before the process ends."""
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
