"""RF@Magpie: a random forest on the study's 21 composition-weighted means of elemental properties.

By default each target has its own forest. For a joint forest of all three, each target is first divided by its mean
absolute deviation in training: a multi-output tree sums the squared errors of its targets, and in raw units the
volumetric capacity alone would choose every split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.models.base import ModelSpec, Prediction, check_columns, content_order
from electrode_bench.models.search_space import Choice, Dimension, Float, Int


class Config(Strict):
    """scikit-learn's RandomForestRegressor; its names and meanings."""

    n_estimators: PositiveInt = 100
    """Trees in a forest."""
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = 1.0
    """Features tried at each split: a share of all, or the square root or logarithm of their number."""
    min_samples_leaf: PositiveInt = 1
    """Smallest number of rows in a leaf."""
    max_depth: PositiveInt | None = None
    """Largest depth of a tree; null sets no limit."""
    targets: Literal["joint", "separate"] = "separate"
    """One forest for all targets (joint), or one for each (separate)."""
    max_samples: Annotated[PositiveFloat, Field(le=1)] | None = None
    """Share of the rows that is drawn for each tree; null draws as many as there are."""


class Forest(NamedTuple):
    """The trees of a forest as flat arrays over all their nodes, so that they can be saved without pickle.

    Attributes
    ----------
    left, right : (nodes,) positions of a node's children; ``left`` is -1 for a leaf.
    feature, threshold : (nodes,) a row goes left when the feature is at most the threshold.
    value : (nodes, targets) mean target of the training rows in a node, in scaled units.
    roots : (trees,) position of each tree's first node.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    roots: np.ndarray

    @classmethod
    def of(cls, estimators: Sequence[Any]) -> Self:
        """The fitted trees of a scikit-learn forest."""
        trees = [e.tree_ for e in estimators]
        roots = np.cumsum([0, *(t.node_count for t in trees)])[:-1]

        def shifted(name: str) -> np.ndarray:
            parts = [getattr(t, name) for t in trees]
            return np.concatenate([np.where(p < 0, -1, p + r) for p, r in zip(parts, roots, strict=True)])

        return cls(
            left=shifted("children_left").astype(np.int32),
            right=shifted("children_right").astype(np.int32),
            feature=np.concatenate([t.feature for t in trees]).astype(np.int32),
            threshold=np.concatenate([t.threshold for t in trees]),
            value=np.concatenate([t.value[:, :, 0] for t in trees]),
            roots=roots.astype(np.int32),
        )

    def leaves(self, x: np.ndarray) -> np.ndarray:
        """Values (trees, rows, targets) of the leaves that the rows of ``x`` (rows x features, float32) fall into."""
        node = np.repeat(self.roots[:, None], len(x), axis=1)
        rows = np.broadcast_to(np.arange(len(x)), node.shape)
        inner = self.left[node] >= 0
        while inner.any():
            parents = node[inner]
            smaller = x[rows[inner], self.feature[parents]] <= self.threshold[parents]
            node[inner] = np.where(smaller, self.left[parents], self.right[parents])
            inner[inner] = self.left[node[inner]] >= 0
        values: np.ndarray = self.value[node]
        return values


class RandomForest:
    """A random forest for each target, or one for all of them.

    The predictive standard deviation is that of the trees' predictions; it is not calibrated.
    """

    #: Rows that are predicted at once, which limits the memory of a prediction.
    CHUNK = 2000

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.forests_: list[Forest] = []
        self.targets_: list[str] = []
        self.features_: list[str] = []
        self.scale_: np.ndarray = np.ones(0)

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        from sklearn.ensemble import RandomForestRegressor

        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=float), targets.to_numpy(dtype=float)
        if not np.isfinite(x).all() or not np.isfinite(y).all():
            raise ValueError("features and targets must be finite")
        self.features_ = [str(c) for c in frame.columns]
        self.targets_ = [str(c) for c in targets.columns]
        order = content_order(x, y)
        x, y = x[order], y[order]
        deviation = np.abs(y - y.mean(axis=0)).mean(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        y = y / self.scale_
        groups = [y] if self.config.targets == "joint" else [y[:, [i]] for i in range(y.shape[1])]
        self.forests_ = []
        for i, group in enumerate(groups):
            forest = RandomForestRegressor(
                n_estimators=self.config.n_estimators,
                max_features=self.config.max_features,
                min_samples_leaf=self.config.min_samples_leaf,
                max_depth=self.config.max_depth,
                max_samples=self.config.max_samples,
                random_state=derive(self.seed, i),
                n_jobs=1,
            )
            forest.fit(x, group if group.shape[1] > 1 else group[:, 0])
            self.forests_.append(Forest.of(forest.estimators_))
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if not self.forests_:
            raise ValueError("the random forest is not fitted; call fit first")
        check_columns(frame, self.features_)
        # scikit-learn fits its trees to float32 features.
        x = frame.to_numpy(dtype=np.float32)
        mean, std = np.empty((2, len(x), len(self.targets_)))
        for start in range(0, len(x), self.CHUNK):
            rows = slice(start, start + self.CHUNK)
            leaves = np.concatenate([forest.leaves(x[rows]) for forest in self.forests_], axis=2)
            mean[rows] = leaves.mean(axis=0) * self.scale_
            std[rows] = leaves.std(axis=0) * self.scale_
        return Prediction.of(mean, std, index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        tensors = {f"{i}.{k}": v for i, forest in enumerate(self.forests_) for k, v in forest._asdict().items()}
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "forests.safetensors")
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "features": self.features_,
            "targets": self.targets_,
            "scale": self.scale_.tolist(),
        }
        write_text(json.dumps(state), folder / "forest.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        from safetensors.numpy import load_file

        state = json.loads((folder / "forest.json").read_text(encoding="utf-8"))
        model = cls(Config(**state["config"]), state["seed"])
        model.features_, model.targets_ = state["features"], state["targets"]
        model.scale_ = np.array(state["scale"])
        tensors = load_file(folder / "forests.safetensors")
        count = 1 + max(int(key.split(".")[0]) for key in tensors)
        model.forests_ = [Forest(**{k: tensors[f"{i}.{k}"] for k in Forest._fields}) for i in range(count)]
        return model


def build(config: Config, seed: int) -> RandomForest:
    return RandomForest(config, seed)


#: What tuning may try. More trees cost time but never accuracy.
SPACE: Mapping[str, Dimension] = {
    "n_estimators": Int(50, 400, log=True),
    "max_features": Float(0.1, 1.0),
    "min_samples_leaf": Int(1, 10, log=True),
    "max_depth": Choice((None, 8, 16, 32)),
    "targets": Choice(("separate", "joint")),
    "max_samples": Choice((None, 0.5, 0.75)),
}

SPEC = ModelSpec(
    name="rf_magpie",
    title="RF@Magpie",
    build=build,
    load=RandomForest.load,
    config=Config,
    feature_set="magpie_mean",
    space=SPACE,
    quick={"n_estimators": 10},
)
