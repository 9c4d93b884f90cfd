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
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.modnet.model import MODNet
from electrode_bench.models.modnet_physics.config import Config
from electrode_bench.models.neural.electrode_inputs import ElectrodeInputs

if TYPE_CHECKING:
    from electrode_bench.models.modnet.network import TreeNetwork
    from electrode_bench.models.neural.training import Loss


class MODNetPhysics(MODNet):
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
        self.quantities_: QuantityScale | None = None

    def _select(self, x: np.ndarray, y: np.ndarray) -> list[str]:  # noqa: ARG002 (the shape of MODNet's)
        elements = set(SYMBOLS)
        return [name for name in self.columns_ if name.rpartition(": ")[2] not in elements]

    def _inputs(self, x: np.ndarray) -> ElectrodeInputs:
        redox = [i for i, name in enumerate(self.selected_) if name.startswith("redox: ")]
        return ElectrodeInputs.of(x, encoded=redox, bins=self.config.bins)

    def _learned(self, frame: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:
        electrodes = Electrodes.of(frame)
        quantities = Quantities.of(targets, electrodes)
        self.quantities_ = QuantityScale.of(quantities, electrodes)
        return self.quantities_.truth(quantities, electrodes)

    def _loss(self) -> Loss:
        from electrode_bench.models.neural.heads import HeadLoss

        assert self.quantities_ is not None
        return HeadLoss(self.config, self.quantities_)

    def _prediction(self, out: np.ndarray, frame: pd.DataFrame) -> Prediction:
        from electrode_bench.models.neural.heads import read_outputs

        assert self.quantities_ is not None
        read = read_outputs(out, len(self.quantities_.share.thresholds))
        return self.quantities_.prediction(*read, Electrodes.of(frame), index=frame.index, targets=self.targets_)

    def _state(self) -> dict[str, Any]:
        assert self.quantities_ is not None
        return self.quantities_.to_json()

    def _restore(self, state: dict[str, Any]) -> None:
        self.quantities_ = QuantityScale.from_json(state)

    def _network(self) -> TreeNetwork:
        import torch

        from electrode_bench.models.modnet.network import TreeNetwork
        from electrode_bench.models.neural.heads import first_biases

        assert self.quantities_ is not None
        assert self.inputs_ is not None
        network = TreeNetwork(
            self.inputs_.width,
            members=self.config.ensemble_size,
            groups=[[0], [1], [2]],
            shared=self.config.shared,
            grouped=self.config.grouped,
            separate=self.config.separate,
            dropout=self.config.dropout,
            outputs=[len(self.quantities_.share.thresholds), 1, 1],
            spread=[1, 2],
        )
        with torch.no_grad():
            network.out[0].get_parameter("bias").copy_(first_biases(self.quantities_))
        return network
