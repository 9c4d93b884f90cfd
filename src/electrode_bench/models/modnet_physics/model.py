"""MODNet with physics: the network of MODNet with heads for extracted share, density and voltage.

It reads the features of MODNet, the working ion and the redox features. Features are scaled by rank, because ratios
such as the headroom of oxidation states have long tails, and redox features are encoded in intervals too, because the
extracted share changes within a narrow range of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.base import Prediction
from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.modnet.model import MODNet
from electrode_bench.models.modnet_physics.config import Config
from electrode_bench.models.neural.electrode_inputs import ElectrodeInputs
from electrode_bench.models.neural.quantities import LearnsQuantities

if TYPE_CHECKING:
    from electrode_bench.models.modnet.network import TreeNetwork
    from electrode_bench.models.neural.training import Loss


class MODNetPhysics(LearnsQuantities, MODNet):
    """An ensemble of MODNet networks with heads for extracted share, density and voltage.

    Frames need the columns of the feature sets `modnet`, `elements` and `redox`. The additive density reads the
    elements; the networks read the others.
    """

    CONFIG = Config
    INPUTS = ElectrodeInputs
    FILE = "modnet_physics.json"

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, seed)
        self.inputs_: ElectrodeInputs | None = None

    def _select(self, x: np.ndarray, y: np.ndarray) -> list[str]:  # noqa: ARG002 (the shape of MODNet's)
        elements = set(SYMBOLS)
        return [name for name in self.columns_ if name.rpartition(": ")[2] not in elements]

    def _inputs(self, x: np.ndarray) -> ElectrodeInputs:
        redox = [i for i, name in enumerate(self.selected_) if name.startswith("redox: ")]
        return ElectrodeInputs.of(x, encoded=redox, bins=self.config.bins)

    def _loss(self) -> Loss:
        return self._head_loss()

    def _prediction(self, out: np.ndarray, frame: pd.DataFrame) -> Prediction:
        return self._composed(out, frame)

    def _state(self) -> dict[str, Any]:
        return self._fitted().to_json()

    def _restore(self, state: dict[str, Any]) -> None:
        self.quantities_ = QuantityScale.from_json(state)

    def _network(self) -> TreeNetwork:
        import torch

        from electrode_bench.models.modnet.network import TreeNetwork
        from electrode_bench.models.neural.heads import first_biases

        assert self.inputs_ is not None
        network = TreeNetwork(
            self.inputs_.width,
            members=self.config.ensemble_size,
            groups=[[0], [1], [2]],
            shared=self.config.shared,
            grouped=self.config.grouped,
            separate=self.config.separate,
            dropout=self.config.dropout,
            outputs=[len(self._fitted().share.thresholds), 1, 1],
            spread=[1, 2],
        )
        with torch.no_grad():
            network.out[0].get_parameter("bias").copy_(first_biases(self._fitted()))
        return network
