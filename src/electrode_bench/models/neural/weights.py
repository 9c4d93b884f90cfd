"""The weights of a network: averaged over its training, set, saved and loaded."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

#: A saved network's file in the model's folder.
_FILE = "network.safetensors"


class WeightEMA:
    """Exponential moving average (EMA) of a network's weights over the second half of its training.

    Averaged weights lie nearer to the middle of a flat minimum than the last ones: P. Izmailov et al. (2018),
    arXiv:1803.05407.

    Parameters
    ----------
    steps : planned steps of the optimiser.
    share : time constant of the average as a share of all steps, so that short and long trainings are averaged alike;
        with 0 the last weights are used.
    """

    def __init__(self, network: torch.nn.Module, *, steps: int, share: float) -> None:
        self._network = network
        self._start = steps // 2
        self._decay = math.exp(-1.0 / max(1.0, share * steps)) if share > 0 else 0.0
        self._step = 0
        self._average: list[torch.Tensor] | None = None

    @torch.no_grad()
    def update(self) -> None:
        """Take in the present weights; to be called after each step of the optimiser."""
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
        """Copies of the averaged weights, or of the present ones while nothing has been averaged."""
        source = self._average or [p.detach() for p in self._network.parameters()]
        return [p.clone() for p in source]


@torch.no_grad()
def set_weights(network: torch.nn.Module, weights: list[torch.Tensor]) -> None:
    """Set all parameters of a network, in the order of ``network.parameters()``."""
    for parameter, value in zip(network.parameters(), weights, strict=True):
        parameter.copy_(value)


def save_weights(network: torch.nn.Module, folder: Path) -> None:
    """Write the network's parameters and statistics to ``network.safetensors`` in the folder."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / _FILE)


def load_weights(network: torch.nn.Module, folder: Path) -> None:
    """Read what :func:`save_weights` wrote into a network of the same shape."""
    network.load_state_dict(load_file(folder / _FILE))
