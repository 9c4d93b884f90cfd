"""MODNet, our own: selected features, three targets in one tree of layers, an ensemble with a spread.

After P.-P. De Breuck, G. Hautier, G.-M. Rignanese, npj Comput. Mater. 7, 83 (2021),
doi:10.1038/s41524-021-00552-2, and P.-P. De Breuck, M. L. Evans, G.-M. Rignanese, J. Phys.: Condens. Matter 33,
404002 (2021), doi:10.1088/1361-648X/ac1280. Extrapolation is bounded: features are held within the range of the
training rows, and predictions within the range of the training targets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.models.base import Prediction, Watch, check_columns, content_order

if TYPE_CHECKING:
    from electrode_bench.models.modnet.network import TreeNetwork
    from electrode_bench.models.neural.training import TargetScale

#: Targets that share the layers of a group; a target that is not named has a group of its own.
GROUPS = (("gravimetric_capacity", "volumetric_capacity"), ("average_voltage",))
#: Rows predicted at once.
_CHUNK = 4096
#: Where a missing feature stands, beside training values from -0.5 to 0.5 or from about -3 to 3.
_MISSING = {"minmax": -1.0, "standard": -5.0}

Widths = Annotated[tuple[PositiveInt, ...], Field(max_length=8)]


class Config(Strict):
    """The features, the network's widths and its training."""

    features: PositiveInt | None = None
    """Features chosen by relevance over redundancy in the training rows; null takes all."""
    selection_rows: PositiveInt = 1000
    """Training rows that the mutual information is estimated from."""
    scaling: Literal["minmax", "standard"] = "standard"
    """Features to -0.5..0.5, or to mean 0 and standard deviation 1."""
    shared: Widths = (256, 256)
    """Widths of the layers that all targets share."""
    grouped: Widths = (128,)
    """Widths of the layers that the two capacities share, and of the voltage's beside them."""
    separate: Widths = (32,)
    """Widths of each target's own layers."""
    batch_norm: bool = False
    """Whether each layer is followed by batch normalisation."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations dropped in training."""
    epochs: PositiveInt = 100
    """Passes over the training rows."""
    batch_size: PositiveInt = 128
    """Rows in a batch; fewer where the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-2
    """AdamW's."""
    averaging: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the weights' exponential average, as a share of all steps; 0 takes the last weights."""
    members: PositiveInt = 5
    """Networks in the ensemble."""
    bootstrap: bool = False
    """Whether each member is trained on rows drawn with replacement."""


class MODNet:
    """An ensemble of MODNet networks; the spread is the members' standard deviation, not a calibrated error bar."""

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.columns_: list[str] = []
        #: Features that the networks read, best first.
        self.selected_: list[str] = []
        self.targets_: list[str] = []
        self.inputs_: Inputs | None = None
        self.scale_: TargetScale | None = None
        self.network_: TreeNetwork | None = None
        self.watch: Watch | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        from electrode_bench.models.neural.training import TargetScale, session

        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=np.float64), targets.to_numpy(dtype=np.float64)
        if np.isinf(x).any() or not np.isfinite(y).all():
            raise ValueError("targets must be finite, and features finite or missing")
        order = content_order(x, y)
        x, y = x[order], y[order]
        self.columns_, self.targets_ = [str(c) for c in frame.columns], [str(c) for c in targets.columns]
        self.selected_ = self.columns_
        if self.config.features is not None and self.config.features < len(self.columns_):
            # Here, because the compiler that it brings takes a second to load.
            from electrode_bench.models.modnet.feature_selection import select

            self.selected_ = select(
                pd.DataFrame(x, columns=self.columns_),
                y,
                number=self.config.features,
                rows=self.config.selection_rows,
                seed=derive(self.seed, "selection"),
            )
        x = x[:, self._positions()]
        self.inputs_ = Inputs.of(x, kind=self.config.scaling)
        self.scale_ = TargetScale.of(y)
        own = derive(self.seed, "training")
        with session(own) as device:
            self.network_ = self._train(self.inputs_.scaled(x), self.scale_.scaled(y), seed=own, device=device).cpu()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        import torch

        from electrode_bench.models.neural.training import autocast, session

        if self.network_ is None or self.inputs_ is None or self.scale_ is None:
            raise ValueError("the network is not fitted; call fit first")
        check_columns(frame, self.columns_)
        values = frame.to_numpy(dtype=np.float64)[:, self._positions()]
        if np.isinf(values).any():
            raise ValueError("features must be finite or missing")
        # Equal rows get equal numbers, whatever rows stand beside them.
        distinct, back = np.unique(self.inputs_.scaled(values), axis=0, return_inverse=True)
        parts = []
        with session(self.seed) as device, torch.no_grad():
            network = self.network_.to(device).eval()
            for start in range(0, len(distinct), _CHUNK):
                chunk = torch.as_tensor(distinct[start : start + _CHUNK], device=device)
                with autocast(device):
                    out = network(chunk.expand(network.members, *chunk.shape))
                parts.append(out.float().cpu().numpy())
            self.network_.cpu()
        shape = (self.config.members, 0, len(self.targets_))
        out = np.concatenate([np.empty(shape), *parts], axis=1)[:, back.ravel()]
        mean, std = self.scale_.restored(out.mean(axis=0)), out.std(axis=0) * self.scale_.scale
        return Prediction.of(mean, std, index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        from electrode_bench.models.neural.training import save_weights

        if self.network_ is None or self.inputs_ is None or self.scale_ is None:
            raise ValueError("the network is not fitted; call fit first")
        save_weights(self.network_, folder)
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": self.columns_,
            "selected": self.selected_,
            "targets": self.targets_,
            "inputs": self.inputs_.to_json(),
            "scale": self.scale_.to_json(),
        }
        write_text(json.dumps(state), folder / "modnet.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        from electrode_bench.models.neural.training import TargetScale, load_weights

        state = json.loads((folder / "modnet.json").read_text(encoding="utf-8"))
        model = cls(Config(**state["config"]), state["seed"])
        model.columns_, model.selected_, model.targets_ = state["columns"], state["selected"], state["targets"]
        model.inputs_ = Inputs(**{k: np.array(v) for k, v in state["inputs"].items()})
        model.scale_ = TargetScale.from_json(state["scale"])
        model.network_ = model._network()
        load_weights(model.network_, folder)
        return model

    def _positions(self) -> list[int]:
        place = {name: i for i, name in enumerate(self.columns_)}
        return [place[name] for name in self.selected_]

    def _network(self) -> TreeNetwork:
        from electrode_bench.models.modnet.network import TreeNetwork

        place = {name: i for i, name in enumerate(self.targets_)}
        groups = [[place[t] for t in group if t in place] for group in GROUPS]
        rest = [[i] for name, i in place.items() if not any(name in group for group in GROUPS)]
        return TreeNetwork(
            len(self.selected_),
            members=self.config.members,
            groups=[g for g in [*groups, *rest] if g],
            shared=self.config.shared,
            grouped=self.config.grouped,
            separate=self.config.separate,
            batch_norm=self.config.batch_norm,
            dropout=self.config.dropout,
        )

    def _train(self, x: np.ndarray, y: np.ndarray, *, seed: int, device: Any) -> TreeNetwork:
        """All members at once; each sees the rows in an order of its own."""
        import torch

        from electrode_bench.models.neural.training import (  # fmt: skip
            WeightAverage,
            autocast,
            batch_size,
            look_in,
            one_cycle,
            set_weights,
        )

        config, rng = self.config, np.random.default_rng(seed)
        if len(x) == 1 and config.batch_norm:
            # A batch of one row has no statistics.
            x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0)
        n = len(x)
        size = batch_size(n, config.batch_size)
        per_epoch = n // size
        steps = config.epochs * per_epoch
        pools = [rng.choice(n, n) if config.bootstrap else np.arange(n) for _ in range(config.members)]
        network = self._network().to(device)
        optimiser, schedule = one_cycle(
            network, steps=steps, learning_rate=config.learning_rate, weight_decay=config.weight_decay
        )
        average = WeightAverage(network, steps=steps, share=config.averaging)
        inputs, truth = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
        network.train()
        for epoch in range(1, config.epochs + 1):
            order = np.stack([rng.permutation(pool) for pool in pools])
            for step in range(per_epoch):
                # The rows that do not fill a batch are left to the next epoch, which has another order.
                rows = torch.as_tensor(order[:, step * size : (step + 1) * size], device=device)
                with autocast(device):
                    out = network(inputs[rows])
                # A sum over members: none of them feels how many there are.
                loss = (out - truth[rows]).abs().mean(dim=(1, 2)).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                average.update()
            look_in(self, network, average, device=device, done=epoch, planned=config.epochs)
        set_weights(network, average.weights())
        return network.eval()


class Inputs:
    """Features to numbers of order one, held within the range of the training rows; missing ones stand apart."""

    def __init__(self, centre: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray, missing: Any) -> None:
        self.centre, self.scale, self.low, self.high = centre, scale, low, high
        self.missing = float(missing)

    @classmethod
    def of(cls, values: np.ndarray, *, kind: str) -> Self:
        """From the training rows (n x features); a feature that misses everywhere, or is constant, becomes constant."""
        absent = np.isnan(values).all(axis=0)
        known = np.where(absent, 0.0, values)
        low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
        if kind == "minmax":
            centre, scale = (low + high) / 2, high - low
        else:
            centre, scale = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
        return cls(
            centre, np.where(scale > 1e-12 * np.maximum(1.0, np.abs(high)), scale, 1.0), low, high, _MISSING[kind]
        )

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Without unit, float32."""
        held = (np.clip(values, self.low, self.high) - self.centre) / self.scale
        return np.asarray(np.where(np.isnan(values), self.missing, held), dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).tolist() for name in ("centre", "scale", "low", "high")}
        return arrays | {"missing": self.missing}
