"""MODNet's network: layers that all targets share, then layers of a group of targets, then each target's own.

After P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2. The members of an ensemble are computed together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from electrode_bench.models.neural.layers import Dense


class Block(nn.Sequential):
    """Dense layers, each followed by ELU and, if requested, dropout."""

    def __init__(self, members: int, inputs: int, widths: Sequence[int], *, dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            layers += [Dense(members, inputs, width), nn.ELU()]
            if dropout > 0:
                layers.append(nn.Dropout(dropout))
            inputs = width
        super().__init__(*layers)


class TreeNetwork(nn.Module):
    """Predictions of all targets by each member of an ensemble, in scaled units.

    Parameters
    ----------
    features : number of inputs.
    groups : targets that share the layers of a group, as positions among the targets.
    shared, grouped, separate : widths of the layers of all targets, of a group of targets, and of a single target.
    outputs : number of outputs of each target; None stands for one.
    spread : targets that have one more output, for the spread of their values. Its loss trains its own layer only.
    """

    def __init__(
        self,
        features: int,
        *,
        members: int,
        groups: Sequence[Sequence[int]],
        shared: Sequence[int],
        grouped: Sequence[int],
        separate: Sequence[int],
        dropout: float = 0.0,
        outputs: Sequence[int] | None = None,
        spread: Sequence[int] = (),
    ) -> None:
        super().__init__()

        def block(inputs: int, widths: Sequence[int]) -> Block:
            return Block(members, inputs, widths, dropout=dropout)

        self.members = members
        self.groups = [list(group) for group in groups]
        # Widths of the inputs and of each level's output; a level without layers passes its input on.
        widths = [features]
        for level in (shared, grouped, separate):
            widths.append([widths[-1], *level][-1])
        self.shared = block(widths[0], shared)
        self.grouped = nn.ModuleList(block(widths[1], grouped) for _ in groups)
        self.separate = nn.ModuleList(block(widths[2], separate) for group in groups for _ in group)
        targets = [target for group in groups for target in group]
        self.out = nn.ModuleList(Dense(members, widths[3], 1 if outputs is None else outputs[t]) for t in targets)
        self.spread = nn.ModuleDict({str(target): Dense(members, widths[3], 1) for target in sorted(spread)})

    @property
    def outputs(self) -> int:
        """Number of outputs of all targets, with their spreads."""
        return sum(layer.weight.shape[2] for layer in [*self.out, *self.spread.values()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs from inputs (members x n x features).

        Returns
        -------
        Tensor (members x n x outputs): the outputs of each target, in the order of the targets, then the spreads.
        """
        common = self.shared(x)
        of_target: dict[int, torch.Tensor] = {}
        spread: dict[int, torch.Tensor] = {}
        branch = 0
        for group, layers in zip(self.groups, self.grouped, strict=True):
            inner = layers(common)
            for target in group:
                own = self.separate[branch](inner)
                # bfloat16 has three digits: enough inside the network, but not for its output.
                with torch.autocast(x.device.type, enabled=False):
                    of_target[target] = self.out[branch](own.float())
                    if str(target) in self.spread:
                        spread[target] = self.spread[str(target)](own.float().detach())
                branch += 1
        return torch.cat([part[t] for part in (of_target, spread) for t in sorted(part)], dim=2)
