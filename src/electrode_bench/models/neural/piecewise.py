"""Piecewise-linear encoding: a feature as several inputs, one for each interval of its values.

An input is 0 below its interval, 1 above it and linear within, so that a network can bend at each edge. After
Y. Gorishniy, I. Rubachev, A. Babenko (2022), arXiv:2203.05556.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

#: Inputs are scaled to about the deviation of other scaled features.
_GAIN = 1.5


class Piecewise:
    """The encoding of features.

    Parameters
    ----------
    edges : for each feature the ascending edges of its intervals; fewer than three stand for a feature that is left
        out, because it has at most one interval.
    centre : mean of each input over the training rows.
    """

    def __init__(self, edges: Sequence[np.ndarray], centre: np.ndarray) -> None:
        self.edges, self.centre = list(edges), centre

    @classmethod
    def of(cls, values: np.ndarray, *, bins: int) -> Self:
        """From the training rows (n x features; NaN is missing), with edges at ``bins + 1`` quantiles or fewer."""
        edges = []
        for column in values.T:
            present = column[~np.isnan(column)]
            at = np.linspace(0.0, 1.0, bins + 1)
            edges.append(np.unique(np.quantile(present, at)) if len(present) else np.zeros(0))
        made = cls(edges, np.zeros(sum(len(e) - 1 for e in edges if len(e) > 2)))
        made.centre = made._encoded(values).mean(axis=0)
        return made

    @property
    def width(self) -> int:
        """Number of inputs."""
        return len(self.centre)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Inputs (n x width) from features (n x features), as float32; those of a missing feature are as at its low
        end."""
        return np.asarray((self._encoded(values) - self.centre) * _GAIN, dtype=np.float32)

    def _encoded(self, values: np.ndarray) -> np.ndarray:
        blocks = [np.zeros((len(values), 0))]
        for column, edges in zip(values.T, self.edges, strict=True):
            if len(edges) > 2:
                within = np.where(np.isnan(column), edges[0], column)[:, None]
                blocks.append(np.clip((within - edges[:-1]) / np.diff(edges), 0.0, 1.0))
        return np.concatenate(blocks, axis=1)

    def to_json(self) -> dict[str, Any]:
        return {"edges": [edges.tolist() for edges in self.edges], "centre": self.centre.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls([np.array(edges, dtype=float) for edges in value["edges"]], np.array(value["centre"], dtype=float))
