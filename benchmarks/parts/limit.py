"""Networks against what the machine can do: multiplications and additions of matrices, with one thread.

A training of few epochs is timed, and its floating-point operations in matrix products are counted by torch in a second
one. At the machine's measured rate they would take a certain time, which is the limit; its share of the measured time
says how far a network is from it. Optimisers, activations and copies of data count as distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.measuring import in_fresh_process, repeated
from benchmarks.parts import Options
from benchmarks.parts.folds import PROTOCOL
from electrode_bench import models
from electrode_bench.project import Project

NETWORKS = ("modnet", "modnet_physics", "crabnet", "crabnet_physics")
#: Epochs of the timed trainings.
_EPOCHS = 3
#: Rows and columns of the largest matrices: their product is limited by arithmetic, not by memory.
_SIZE = 1024


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for the machine's rate, and one for each network."""
    rate = in_fresh_process(matrix_rate)
    yield {"what": "rate", "flops_per_second": rate}
    for name in ("crabnet",) if options.quick else NETWORKS:
        yield {"what": "network", **in_fresh_process(of_network, options.workspace.project, name, rate)}


def matrix_rate(size: int = _SIZE) -> float:
    """Floating-point operations per processor second in products of square float32 matrices, with one thread."""
    import torch

    torch.set_num_threads(1)
    a, b = torch.randn(size, size), torch.randn(size, size)
    out = torch.empty(size, size)
    torch.mm(a, b, out=out)
    times = 10
    cost = repeated(lambda: [torch.mm(a, b, out=out) for _ in range(times)])
    return times * 2 * size**3 / cost.cpu_seconds


def of_network(project: Project, name: str, rate: float) -> dict[str, Any]:
    """Operations and seconds of a training on the first fold, per epoch and for a whole fold."""
    from torch.utils.flop_counter import FlopCounterMode

    params = project.params()
    spec = models.named(name, params)
    full = models.configured(spec, params)
    frame, targets = project.training_data(models.feature_set_of(spec, full))
    ids = list(project.protocol_folds(PROTOCOL)[0].train_ids)
    x, y = frame.loc[ids], targets.loc[ids]

    def train(epochs: int) -> None:
        config = models.configure(spec, {**params.models.get(name, {}), "epochs": epochs})
        spec.build(config, 0).fit(x, y)

    train(1)
    # What does not depend on epochs, such as preparing the inputs, drops out of the difference.
    one, more = repeated(lambda: train(1)), repeated(lambda: train(1 + _EPOCHS))
    with FlopCounterMode(display=False) as counter:
        train(1)
    epoch = max(more.cpu_seconds - one.cpu_seconds, 1e-9) / _EPOCHS
    flops, epochs = counter.get_total_flops(), full.model_dump()["epochs"]
    return {
        "model": name,
        "epochs": epochs,
        "runs": more.runs,
        "flops": flops * epochs,
        "epoch_cpu_seconds": epoch,
        "limit_seconds": flops / rate * epochs,
        "share_of_limit": flops / rate / epoch,
    }
