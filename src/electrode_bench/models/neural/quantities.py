"""What models with a network and heads for extracted share, density and voltage have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.models.base import Prediction
from electrode_bench.models.heads.quantities import Electrodes, Quantities
from electrode_bench.models.heads.scale import QuantityScale

if TYPE_CHECKING:
    from electrode_bench.models.neural.heads import HeadLoss


class LearnsQuantities:
    """Part of a model that learns the quantities instead of the targets; for a class that has the network.

    Attributes
    ----------
    config : with the weights of the heads (:class:`~electrode_bench.models.neural.losses.HeadWeights`).
    targets_ : names of the targets, in the order of the training table.
    quantities_ : what was found in the training rows; None before.
    """

    config: Any
    targets_: list[str]
    quantities_: QuantityScale | None = None

    def _learned(self, frame: pd.DataFrame, targets: pd.DataFrame) -> np.ndarray:
        """What the loss compares the outputs with, from the training rows in their final order."""
        electrodes = Electrodes.of(frame)
        quantities = Quantities.of(targets, electrodes)
        self.quantities_ = QuantityScale.of(quantities, electrodes)
        return self.quantities_.truth(quantities, electrodes)

    def _fitted(self) -> QuantityScale:
        assert self.quantities_ is not None
        return self.quantities_

    def _head_loss(self) -> HeadLoss:
        from electrode_bench.models.neural.heads import HeadLoss

        return HeadLoss(self.config, self._fitted())

    def _composed(self, out: np.ndarray, frame: pd.DataFrame) -> Prediction:
        """The prediction from outputs (members x n x outputs) for the rows of ``frame``."""
        from electrode_bench.models.neural.heads import read_outputs

        scale = self._fitted()
        read = read_outputs(out, len(scale.share.thresholds))
        return scale.prediction(*read, Electrodes.of(frame), index=frame.index, targets=self.targets_)
