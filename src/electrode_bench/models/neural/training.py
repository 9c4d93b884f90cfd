"""What the training of every network shares: device, seeds and threads, target scaling, averaged weights."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from electrode_bench.errors import UserError
from electrode_bench.models.base import Prediction, Watch, named_device

#: Small training sets get smaller batches: this many an epoch, down to this size.
_STEPS, _SMALLEST_BATCH = 8, 64
#: Standard deviation of a normal distribution over its median absolute deviation.
_NORMAL_MAD = 1.4826


def choose_device() -> torch.device:
    """The device that networks run on: what ELECTRODE_BENCH_DEVICE names, else a GPU that is visible, else the CPU.

    CUDA_VISIBLE_DEVICES is CUDA's own and holds as always.

    Raises
    ------
    UserError
        When the named device does not exist here.
    """
    name = named_device()
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device '{name}'; use auto, cpu, cuda or cuda:<number>") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"the device '{name}' is not offered; use auto, cpu, cuda or cuda:<number>")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        seen = torch.cuda.device_count()
        raise UserError(f"the device '{name}' is not there: {seen} CUDA devices are visible; use --device cpu")
    return device


def device_name(device: torch.device) -> str:
    """As it stands in the record of a fit: ``cpu``, or ``cuda:0`` with the model of the GPU."""
    if device.type == "cpu":
        return "cpu"
    index = torch.cuda.current_device() if device.index is None else device.index
    return f"cuda:{index} {torch.cuda.get_device_name(index)}"


@contextmanager
def session(seed: int) -> Iterator[torch.device]:
    """Everything inside is drawn from ``seed``, on one CPU thread, by deterministic kernels; then all is as before.

    One thread because sums over several depend on how the work was cut, and because workers that each
    take all cores wait for one another.
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
    """bfloat16 for the matrix products on a GPU; full precision on the CPU."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


@dataclass(frozen=True)
class TargetScale:
    """Targets to numbers of order one and back, one entry a target.

    The centre is the median and the scale the median absolute deviation (times 1.4826, the standard
    deviation of a normal distribution): a few unphysical voltages do not move them. Predictions are bounded by
    the range of the training targets, so that a composition far from all known ones cannot get a
    number without bounds; a forest has the same bound.
    """

    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, targets: np.ndarray) -> Self:
        """From training targets (n x targets) in their units."""
        centre = np.median(targets, axis=0)
        scale = _NORMAL_MAD * np.median(np.abs(targets - centre), axis=0)
        # More than half of the values equal: their mean deviation still tells the order of magnitude.
        scale = np.where(scale > 0, scale, np.abs(targets - centre).mean(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        return cls(centre, scale, targets.min(axis=0), targets.max(axis=0))

    def scaled(self, targets: np.ndarray) -> np.ndarray:
        """Without unit, float32."""
        return np.asarray((targets - self.centre) / self.scale, dtype=np.float32)

    def restored(self, mean: np.ndarray) -> np.ndarray:
        """In units, within the bounds; a not-a-number stays one."""
        return np.asarray(np.clip(mean.astype(np.float64) * self.scale + self.centre, self.low, self.high))

    def to_json(self) -> dict[str, list[float]]:
        return {name: getattr(self, name).tolist() for name in ("centre", "scale", "low", "high")}

    @classmethod
    def from_json(cls, value: dict[str, list[float]]) -> Self:
        return cls(**{name: np.array(numbers) for name, numbers in value.items()})


class WeightAverage:
    """Exponential average of a network's weights over the second half of its training.

    Averaged weights lie nearer the middle of a flat minimum than the last ones, after Izmailov et al. (2018),
    arXiv:1803.05407. The time constant is a share of all steps, so that short and long trainings are averaged alike.
    """

    def __init__(self, network: torch.nn.Module, *, steps: int, share: float) -> None:
        self._network = network
        self._start = steps // 2
        self._decay = math.exp(-1.0 / max(1.0, share * steps)) if share > 0 else 0.0
        self._step = 0
        self._average: list[torch.Tensor] | None = None

    @torch.no_grad()
    def update(self) -> None:
        """To be called after each step of the optimiser."""
        self._step += 1
        if self._decay == 0.0 or self._step < self._start:
            return
        weights = [p.detach() for p in self._network.parameters()]
        if self._average is None:
            self._average = [p.clone() for p in weights]
        else:
            torch._foreach_lerp_(self._average, weights, 1.0 - self._decay)

    @torch.no_grad()
    def weights(self) -> list[torch.Tensor]:
        """The averaged weights, or the present ones where nothing has been averaged; never views of live ones."""
        source = self._average or [p.detach() for p in self._network.parameters()]
        return [p.clone() for p in source]


@torch.no_grad()
def set_weights(network: torch.nn.Module, weights: list[torch.Tensor]) -> None:
    for parameter, value in zip(network.parameters(), weights, strict=True):
        parameter.copy_(value)


class Trained(Protocol):
    """A model whose network is trained in epochs, as :func:`look_in` needs it."""

    watch: Watch | None
    network_: Any

    def predict(self, frame: pd.DataFrame) -> Prediction: ...


def look_in(
    model: Trained, network: torch.nn.Module, average: WeightAverage, *, device: torch.device, done: int, planned: int
) -> None:
    """Let the model's watch look in after an epoch; the training goes on as if it had not."""
    if model.watch is None:
        return

    def predict(frame: pd.DataFrame) -> Prediction:
        live, fitted = [p.detach().clone() for p in network.parameters()], model.network_
        set_weights(network, average.weights())
        model.network_ = network
        try:
            return model.predict(frame)
        finally:
            model.network_ = fitted
            set_weights(network.to(device), live)
            network.train()

    model.watch(done, planned, predict)


def save_weights(network: torch.nn.Module, folder: Path) -> None:
    """Write ``network.safetensors``: parameters and statistics, without the constants that the network makes itself."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "network.safetensors")


def load_weights(network: torch.nn.Module, folder: Path) -> None:
    """Read what :func:`save_weights` wrote into a network of the same shape."""
    network.load_state_dict(load_file(folder / "network.safetensors"))


def batch_size(n: int, largest: int) -> int:
    """Rows in a batch of a training set of ``n`` rows: ``largest``, or fewer where the set is small."""
    return min(largest, max(_SMALLEST_BATCH, -(-n // _STEPS)), n)


def one_cycle(
    network: torch.nn.Module, *, steps: int, learning_rate: float, weight_decay: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW and the schedule that takes its learning rate up to ``learning_rate`` and down again in ``steps`` steps.

    After L. N. Smith and N. Topin (2017), arXiv:1708.07120.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    # One step more than will be taken keeps a training of a single step legal.
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 1)
