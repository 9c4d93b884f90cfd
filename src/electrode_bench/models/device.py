"""Which device networks run on: what was asked for, what there is, and how a device is named in records.

torch takes seconds to load, so it is imported only where a model with a network asks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from electrode_bench.errors import UserError

if TYPE_CHECKING:
    import torch

#: Environment variable that names the device: auto, cpu, cuda or cuda:<number>. Worker processes inherit it.
DEVICE_VARIABLE = "ELECTRODE_BENCH_DEVICE"


def requested_device() -> str | None:
    """The device that the user asked for; None when the choice is left to the machine."""
    name = os.environ.get(DEVICE_VARIABLE) or "auto"
    return None if name == "auto" else name


def choose_device() -> torch.device:
    """The device that networks run on: the requested one, otherwise a visible GPU, otherwise the CPU.

    CUDA_VISIBLE_DEVICES limits which GPUs are visible, as for every CUDA program.

    Raises
    ------
    UserError
        When the requested device does not exist on this machine.
    """
    import torch

    name = requested_device()
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device '{name}'; use auto, cpu, cuda or cuda:<number>") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"the device '{name}' is not supported; use auto, cpu, cuda or cuda:<number>")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"the device '{name}' does not exist: {torch.cuda.device_count()} CUDA devices are visible; "
            "use --device cpu"
        )
    return device


def device_name(device: torch.device) -> str:
    """The device's name in records: ``cpu``, or ``cuda:0`` followed by the name of the GPU."""
    import torch

    if device.type == "cpu":
        return "cpu"
    index = torch.cuda.current_device() if device.index is None else device.index
    return f"cuda:{index} {torch.cuda.get_device_name(index)}"


def network_device() -> str:
    """Name of the device that a network would be fitted on now; errors as :func:`choose_device`."""
    return device_name(choose_device())


def visible_gpus() -> list[str]:
    """The GPUs that fits can be spread over: ``cuda:0``, ``cuda:1``, ...; none when one device was requested."""
    if requested_device() not in (None, "cuda"):
        return []
    import torch

    return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
