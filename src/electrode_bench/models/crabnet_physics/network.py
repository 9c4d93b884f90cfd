"""The network of CrabNet with physics: CrabNet's, with heads for extracted share, density and voltage."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from electrode_bench.models.crabnet.network import CompositionNetwork
from electrode_bench.models.neural.heads import CONTINUOUS


class ElectrodeNetwork(CompositionNetwork):
    """Outputs as :mod:`~electrode_bench.models.neural.heads` orders them, by each member of an ensemble.

    Parameters
    ----------
    element_vectors, shape : as for :class:`CompositionNetwork`.
    thresholds : number of thresholds of the extracted share.
    """

    def __init__(self, element_vectors: np.ndarray, *, thresholds: int, **shape: Any) -> None:
        values = thresholds + CONTINUOUS
        super().__init__(element_vectors, outputs=values + CONTINUOUS, **shape)
        self.values = values
        #: Width of each tensor that ``forward`` returns.
        self.widths = (values + CONTINUOUS,)

    def forward(
        self,
        token: torch.Tensor,
        fraction: torch.Tensor,
        part: torch.Tensor,
        is_ion: torch.Tensor,
        context: torch.Tensor,
    ) -> tuple[torch.Tensor]:
        """Outputs (members x n x outputs); parameters as for :meth:`CompositionNetwork.averaged`."""
        x = self.averaged(token, fraction, part, is_ion, context)
        # bfloat16 has three digits: enough inside the network, but not for its output.
        with torch.autocast(x.device.type, enabled=False):
            out = self.output.fc_out(x)
            # The loss of the standard deviations trains the output layer only.
            spread = self.output_columns(x, slice(self.values, None))
        return (torch.cat([out[..., : self.values], spread], dim=-1),)
