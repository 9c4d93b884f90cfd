"""The inputs of a network for electrodes: features by rank, and a piecewise-linear encoding of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from electrode_bench.models.neural.piecewise import Piecewise
from electrode_bench.models.neural.rank_inputs import RankInputs


class ElectrodeInputs:
    """All features by rank, followed by the encoding of those at the positions ``encoded``."""

    def __init__(self, ranks: RankInputs, pieces: Piecewise, encoded: Sequence[int]) -> None:
        self.ranks, self.pieces, self.encoded = ranks, pieces, list(encoded)

    @classmethod
    def of(cls, values: np.ndarray, *, encoded: Sequence[int], bins: int) -> Self:
        """From the training rows (n x features; NaN is missing); no ``bins`` stand for no encoding."""
        encoded = list(encoded) if bins > 0 else []
        return cls(RankInputs.of(values), Piecewise.of(values[:, encoded], bins=bins), encoded)

    @property
    def width(self) -> int:
        """Number of inputs."""
        return self.ranks.width + self.pieces.width

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Inputs (n x width) from features (n x features), as float32."""
        return np.concatenate([self.ranks.scaled(values), self.pieces.scaled(values[:, self.encoded])], axis=1)

    def to_json(self) -> dict[str, Any]:
        return {"ranks": self.ranks.to_json(), "pieces": self.pieces.to_json(), "encoded": self.encoded}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(RankInputs.from_json(value["ranks"]), Piecewise.from_json(value["pieces"]), value["encoded"])
