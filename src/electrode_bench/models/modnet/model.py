"""MODNet: selected features and a tree of layers for three targets; an ensemble that predicts their uncertainty too.

After P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2, and P.-P. De Breuck, M. L. Evans, G.-M. Rignanese, J. Phys.: Condens. Matter 33,
404002 (2021), doi:10.1088/1361-648X/ac1280. Extrapolation is bounded: features are clipped to the range of the
training rows, and predictions to the range of the training targets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.models.base import EpochCallback, Prediction, check_columns, content_order
from electrode_bench.models.modnet.config import Config
from electrode_bench.models.neural.inputs import Inputs, Scaling
from electrode_bench.models.target_scale import TargetScale

if TYPE_CHECKING:
    from electrode_bench.models.modnet.network import TreeNetwork
    from electrode_bench.models.neural.training import Loss

#: Targets that share the layers of a group; a target that is not named has a group of its own.
GROUPS = (("gravimetric_capacity", "volumetric_capacity"), ("average_voltage",))


class MODNet:
    """An ensemble of MODNet networks.

    The predictive standard deviation is that of the members' predictions; it is not calibrated.

    A subclass may learn other quantities than the targets: it replaces :meth:`_learned`, :meth:`_loss`,
    :meth:`_network`, :meth:`_prediction`, :meth:`_state` and :meth:`_restore`, and may replace :meth:`_select` and
    :meth:`_inputs`.
    """

    CONFIG: type[Strict] = Config
    INPUTS: type[Scaling] = Inputs
    #: Name of the file with everything but the weights.
    FILE = "modnet.json"

    def __init__(self, config: Any, seed: int) -> None:
        #: Of the class ``CONFIG``.
        self.config = config
        self.seed = seed
        self.columns_: list[str] = []
        #: Features that the networks read, best first.
        self.selected_: list[str] = []
        self.targets_: list[str] = []
        self.inputs_: Scaling | None = None
        self.scale_: TargetScale | None = None
        self.network_: TreeNetwork | None = None
        self.epoch_callback: EpochCallback | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        # torch takes seconds to load.
        from electrode_bench.models.modnet.training import train
        from electrode_bench.models.neural.session import session

        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=np.float64), targets.to_numpy(dtype=np.float64)
        if np.isinf(x).any() or not np.isfinite(y).all():
            raise ValueError("targets must be finite, and features finite or missing")
        order = content_order(x, y)
        x, y = x[order], y[order]
        self.columns_, self.targets_ = [str(c) for c in frame.columns], [str(c) for c in targets.columns]
        self.selected_ = self._select(x, y)
        x = x[:, self._positions()]
        self.inputs_ = self._inputs(x)
        truth = self._learned(frame.iloc[order], targets.iloc[order])
        seed = derive(self.seed, "training")
        with session(seed) as device:
            network = self._network().to(device)
            scaled = self.inputs_.scaled(x), truth
            train(self, network, *scaled, self.config, loss_of=self._loss(), seed=seed, device=device)
            self.network_ = network.cpu()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        import torch

        from electrode_bench.models.modnet.training import predict
        from electrode_bench.models.neural.session import session

        if self.network_ is None or self.inputs_ is None:
            raise ValueError("the network is not fitted; call fit first")
        check_columns(frame, self.columns_)
        values = frame.to_numpy(dtype=np.float64)[:, self._positions()]
        if np.isinf(values).any():
            raise ValueError("features must be finite or missing")
        # Equal rows get equal numbers, whatever the other rows are.
        distinct, back = np.unique(self.inputs_.scaled(values), axis=0, return_inverse=True)
        with session(self.seed) as device, torch.no_grad():
            out = predict(self.network_.to(device).eval(), distinct, device)
            self.network_.cpu()
        return self._prediction(out[:, back.ravel()], frame)

    def save(self, folder: Path) -> None:
        from electrode_bench.models.neural.weights import save_weights

        if self.network_ is None or self.inputs_ is None:
            raise ValueError("the network is not fitted; call fit first")
        save_weights(self.network_, folder)
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": self.columns_,
            "selected": self.selected_,
            "targets": self.targets_,
            "inputs": self.inputs_.to_json(),
            "scale": self._state(),
        }
        write_text(json.dumps(state), folder / self.FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        from electrode_bench.models.neural.weights import load_weights

        state = json.loads((folder / cls.FILE).read_text(encoding="utf-8"))
        model = cls(cls.CONFIG(**state["config"]), state["seed"])
        model.columns_, model.selected_, model.targets_ = state["columns"], state["selected"], state["targets"]
        model.inputs_ = cls.INPUTS.from_json(state["inputs"])
        model._restore(state["scale"])
        model.network_ = model._network()
        load_weights(model.network_, folder)
        return model

    def _select(self, x: np.ndarray, y: np.ndarray) -> list[str]:
        """Names of the features that the networks read, from training features (n x features) and targets."""
        if self.config.features is None or self.config.features >= len(self.columns_):
            return self.columns_
        # numba takes a second to load.
        from electrode_bench.models.modnet.feature_selection import select

        return select(
            pd.DataFrame(x, columns=self.columns_),
            y,
            number=self.config.features,
            rows=self.config.selection_rows,
            seed=derive(self.seed, "selection"),
        )

    def _positions(self) -> list[int]:
        position = {name: i for i, name in enumerate(self.columns_)}
        return [position[name] for name in self.selected_]

    def _inputs(self, x: np.ndarray) -> Scaling:
        """The scaling of features, from those of the training rows (n x features)."""
        return Inputs.of(x, kind=self.config.scaling)

    def _learned(self, frame: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:  # noqa: ARG002 (for subclasses)
        """What the loss compares the outputs with (n x any number), from the training rows in their final order."""
        y = targets.to_numpy(dtype=np.float64)
        self.scale_ = TargetScale.of(y)
        return self.scale_.scaled(y)

    def _loss(self) -> Loss:
        from electrode_bench.models.modnet.training import absolute_error

        return absolute_error

    def _prediction(self, out: np.ndarray, frame: pd.DataFrame) -> Prediction:
        """From outputs (members x n x outputs) for the rows of ``frame``."""
        assert self.scale_ is not None
        mean, std = self.scale_.restored(out.mean(axis=0)), out.std(axis=0) * self.scale_.scale
        return Prediction.of(mean, std, index=frame.index, targets=self.targets_)

    def _state(self) -> dict[str, Any]:
        """What :meth:`_learned` found in the training rows, for JSON."""
        assert self.scale_ is not None
        return self.scale_.to_json()

    def _restore(self, state: dict[str, Any]) -> None:
        self.scale_ = TargetScale.from_json(state)

    def _network(self) -> TreeNetwork:
        from electrode_bench.models.modnet.network import TreeNetwork

        position = {name: i for i, name in enumerate(self.targets_)}
        groups = [[position[t] for t in group if t in position] for group in GROUPS]
        rest = [[i] for name, i in position.items() if not any(name in group for group in GROUPS)]
        return TreeNetwork(
            len(self.selected_),
            members=self.config.ensemble_size,
            groups=[g for g in [*groups, *rest] if g],
            shared=self.config.shared,
            grouped=self.config.grouped,
            separate=self.config.separate,
            dropout=self.config.dropout,
        )
