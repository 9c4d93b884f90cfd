"""CrabNet with physics: the network of CrabNet with heads for extracted share, density and voltage.

The token of the working ion is marked by a learned vector, and the redox features are embedded and added to each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.base import Prediction, check_columns
from electrode_bench.models.crabnet.model import CrabNet, require_elements, token_vectors
from electrode_bench.models.crabnet.tokens import ElementColumns
from electrode_bench.models.crabnet_physics.config import Config
from electrode_bench.models.crabnet_physics.tokens import ElectrodeTokens, ion_columns
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.neural.electrode_inputs import ElectrodeInputs

if TYPE_CHECKING:
    import torch

    from electrode_bench.models.crabnet.network import CompositionNetwork
    from electrode_bench.models.neural.training import Loss


class CrabNetPhysics(CrabNet):
    """An ensemble of CrabNet networks with heads for extracted share, density and voltage.

    Frames need the columns of the feature sets `elements` and `redox`.
    """

    CONFIG = Config
    FILE = "crabnet_physics.json"

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, seed)
        #: Columns of the features of the whole electrode.
        self.context_: list[str] = []
        self.inputs_: ElectrodeInputs | None = None
        self.quantities_: QuantityScale | None = None

    def _read_columns(self, columns: list[str]) -> None:
        self.all_columns_ = columns
        self.context_ = [name for name in columns if name.startswith("redox: ")]
        self.columns_ = ElementColumns.of(name for name in columns if not name.startswith("redox: "))

    def _values(self, frame: pd.DataFrame) -> np.ndarray:
        """Fractions (n x element columns), then features (n x features)."""
        assert self.columns_ is not None
        check_columns(frame, self.all_columns_)
        fractions = self.columns_.values(frame[list(self.columns_.columns)])
        require_elements(fractions)
        features = frame[self.context_].to_numpy(dtype=np.float64)
        if np.isinf(features).any():
            raise ValueError("features must be finite or missing")
        return np.concatenate([fractions, features], axis=1)

    def _numbers(self, values: np.ndarray, *, fitting: bool = False) -> np.ndarray:
        """Fractions, the atomic number of the working ion, and scaled features."""
        assert self.columns_ is not None
        fractions, features = np.split(values, [len(self.columns_.columns)], axis=1)
        if fitting:
            self.inputs_ = ElectrodeInputs.of(features, encoded=range(features.shape[1]), bins=self.config.bins)
        assert self.inputs_ is not None
        ion = np.zeros((len(values), 1))
        for number, position in ion_columns(self.context_, SYMBOLS).items():
            ion[features[:, position] == 1.0] = number
        return np.concatenate([fractions, ion, self.inputs_.scaled(features)], axis=1)

    def _tokens(self, numbers: np.ndarray) -> ElectrodeTokens:
        assert self.columns_ is not None
        width = len(self.columns_.columns)
        return ElectrodeTokens.joined(numbers[:, :width], self.columns_, numbers[:, width], numbers[:, width + 1 :])

    def _learned(self, frame: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:
        electrodes = Electrodes.of(frame)
        quantities = Quantities.of(targets, electrodes)
        self.quantities_ = QuantityScale.of(quantities, electrodes)
        return self.quantities_.truth(quantities, electrodes)

    def _loss(self) -> Loss:
        from electrode_bench.models.neural.heads import HeadLoss

        assert self.quantities_ is not None
        loss = HeadLoss(self.config, self.quantities_)

        def loss_of(out: Sequence[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
            return loss(out[0], truth)

        return loss_of

    def _prediction(self, out: list[np.ndarray], frame: pd.DataFrame) -> Prediction:
        from electrode_bench.models.neural.heads import read_outputs

        assert self.quantities_ is not None
        read = read_outputs(out[0], len(self.quantities_.share.thresholds))
        return self.quantities_.prediction(*read, Electrodes.of(frame), index=frame.index, targets=self.targets_)

    def _state(self) -> dict[str, Any]:
        assert self.quantities_ is not None
        assert self.inputs_ is not None
        return {"quantities": self.quantities_.to_json(), "inputs": self.inputs_.to_json()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.quantities_ = QuantityScale.from_json(state["quantities"])
        self.inputs_ = ElectrodeInputs.from_json(state["inputs"])

    def _network(self) -> CompositionNetwork:
        import torch

        from electrode_bench.models.crabnet_physics.network import ElectrodeNetwork
        from electrode_bench.models.neural.heads import first_biases

        assert self.columns_ is not None
        assert self.inputs_ is not None
        assert self.quantities_ is not None
        config, thresholds = self.config, len(self.quantities_.share.thresholds)
        network = ElectrodeNetwork(
            token_vectors(),
            thresholds=thresholds,
            members=config.ensemble_size,
            parts=self.columns_.n_parts,
            d_model=config.d_model,
            layers=config.layers,
            heads=4,
            feed_forward=config.feed_forward,
            hidden=config.hidden,
            dropout=config.dropout,
            norm_first=True,
            context=self.inputs_.width,
        )
        with torch.no_grad():
            network.output.fc_out.get_parameter("bias")[..., :thresholds].copy_(first_biases(self.quantities_))
        return network
