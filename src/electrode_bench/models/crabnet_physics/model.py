"""CrabNet with physics: the network of CrabNet with heads for extracted share, density and voltage.

The token of the working ion is marked by a learned vector, and the features are embedded and added to each token.
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
from electrode_bench.models.heads.scale import QuantityScale
from electrode_bench.models.neural.electrode_inputs import ElectrodeInputs
from electrode_bench.models.neural.quantities import LearnsQuantities

if TYPE_CHECKING:
    import torch

    from electrode_bench.models.crabnet.network import CompositionNetwork
    from electrode_bench.models.neural.training import Loss


class CrabNetPhysics(LearnsQuantities, CrabNet):
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

    def _read_columns(self, columns: list[str]) -> None:
        self.all_columns_ = columns
        symbols = set(SYMBOLS)
        elements = [name for name in columns if name.rpartition(": ")[2] in symbols]
        self.context_ = [name for name in columns if name not in set(elements)]
        self.columns_ = ElementColumns.of(elements)

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
            redox = [i for i, name in enumerate(self.context_) if name.startswith("redox: ")]
            self.inputs_ = ElectrodeInputs.of(features, encoded=redox, bins=self.config.bins)
        assert self.inputs_ is not None
        ion = np.zeros((len(values), 1))
        for number, position in ion_columns(self.context_, SYMBOLS).items():
            ion[features[:, position] == 1.0] = number
        return np.concatenate([fractions, ion, self.inputs_.scaled(features)], axis=1)

    def _tokens(self, numbers: np.ndarray) -> ElectrodeTokens:
        assert self.columns_ is not None
        width = len(self.columns_.columns)
        return ElectrodeTokens.joined(numbers[:, :width], self.columns_, numbers[:, width], numbers[:, width + 1 :])

    def _loss(self) -> Loss:
        loss = self._head_loss()

        def loss_of(out: Sequence[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
            return loss(out[0], truth)

        return loss_of

    def _prediction(self, out: list[np.ndarray], frame: pd.DataFrame) -> Prediction:
        return self._composed(out[0], frame)

    def _state(self) -> dict[str, Any]:
        assert self.inputs_ is not None
        return {"quantities": self._fitted().to_json(), "inputs": self.inputs_.to_json()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.quantities_ = QuantityScale.from_json(state["quantities"])
        self.inputs_ = ElectrodeInputs.from_json(state["inputs"])

    def _network(self) -> CompositionNetwork:
        import torch

        from electrode_bench.models.crabnet_physics.network import ElectrodeNetwork
        from electrode_bench.models.neural.heads import first_biases

        assert self.columns_ is not None
        assert self.inputs_ is not None
        config, thresholds = self.config, len(self._fitted().share.thresholds)
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
            network.output.fc_out.get_parameter("bias")[..., :thresholds].copy_(first_biases(self._fitted()))
        return network
