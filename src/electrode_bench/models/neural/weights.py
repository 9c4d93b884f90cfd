"""The weights of a network: averaged over its training, set, saved and loaded."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from electrode_bench.errors import UserError

#: A saved network's file in the model's folder.
_FILE = "network.safetensors"


class FlatWeights:
    """The weights of a network as one tensor, so that an operation on all of them is one call.

    Small networks have dozens of weight tensors, and an optimiser's step on each of them takes longer than their
    numbers need. The network's parameters become views of ``values``, and their gradients become views of ``grad``,
    which is also the gradient of ``values``. The caller sets it to zero before each step.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self._parameters = list(network.parameters())
        self.values = torch.nn.Parameter(torch.cat([p.detach().reshape(-1) for p in self._parameters]))
        self.grad = self.values.grad = torch.zeros_like(self.values)
        self.use(self.values)

    def use(self, values: torch.Tensor) -> None:
        """Let the network compute with ``values``, a tensor like :attr:`values`."""
        parts = zip(self._parameters, self._split(values), self._split(self.grad), strict=True)
        for parameter, part, grad in parts:
            parameter.data, parameter.grad = part, grad

    def release(self, values: torch.Tensor) -> None:
        """Give the network copies of ``values``, each parameter its own tensor, without a gradient."""
        for parameter, part in zip(self._parameters, self._split(values), strict=True):
            parameter.data, parameter.grad = part.clone(), None

    def _split(self, values: torch.Tensor) -> list[torch.Tensor]:
        parts = torch.split(values.detach(), [p.numel() for p in self._parameters])
        return [part.view(p.shape) for part, p in zip(parts, self._parameters, strict=True)]


class WeightEMA:
    """Exponential moving average (EMA) of weights over the second half of a training.

    Averaged weights lie nearer to the middle of a flat minimum than the last ones: P. Izmailov et al. (2018),
    arXiv:1803.05407.

    Parameters
    ----------
    weights : the tensor that the optimiser changes in place.
    steps : planned steps of the optimiser.
    share : time constant of the average as a share of all steps, so that short and long trainings are averaged alike;
        with 0 the last weights are used.
    """

    def __init__(self, weights: torch.Tensor, *, steps: int, share: float) -> None:
        self._weights = weights.detach()
        self._start = steps // 2
        self._decay = math.exp(-1.0 / max(1.0, share * steps)) if share > 0 else 0.0
        self._step = 0
        self._average: torch.Tensor | None = None

    def update(self) -> None:
        """Take in the present weights; to be called after each step of the optimiser."""
        self._step += 1
        if self._decay == 0.0 or self._step < self._start:
            return
        if self._average is None:
            self._average = self._weights.clone()
        else:
            self._average.lerp_(self._weights, 1.0 - self._decay)

    def weights(self) -> torch.Tensor:
        """A copy of the averaged weights, or of the present ones while nothing has been averaged."""
        return (self._weights if self._average is None else self._average).clone()


def save_weights(network: torch.nn.Module, folder: Path) -> None:
    """Write the network's parameters and statistics to ``network.safetensors`` in the folder."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / _FILE)


def load_weights(network: torch.nn.Module, folder: Path) -> None:
    """Read what :func:`save_weights` wrote into a network of the same shape.

    Raises
    ------
    UserError
        When the saved network has other layers, as that of another version may have.
    """
    try:
        network.load_state_dict(load_file(folder / _FILE))
    except RuntimeError as error:
        raise UserError(
            f"{folder / _FILE} has other layers than this version of electrode-bench makes from the same "
            "configuration; fit the model again, or use the version that saved it"
        ) from error
