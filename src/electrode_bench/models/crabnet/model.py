"""CrabNet, our own: attention over the elements of a composition, three targets at once, an ensemble with a spread.

After A. Y.-T. Wang, S. K. Kauwe, R. J. Murdock, T. D. Sparks, npj Comput. Mater. 7, 77 (2021),
doi:10.1038/s41524-021-00545-1. The training is leaner than the crabnet package's: a batch is padded to its own
longest composition, a repeated composition goes through the network once and is compared with all its
rows, and the three targets share one network. docs/decisions/0010-networks.md has what was tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.features.composition import element_table
from electrode_bench.models.base import Prediction, Watch, check_columns, content_order

if TYPE_CHECKING:
    import torch

    from electrode_bench.models.crabnet.network import CrabNetwork
    from electrode_bench.models.neural.training import TargetScale

#: The network: the study's (that of the crabnet package, which weighs elements by their fraction and gates the mean),
#: and ours.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "study": {
        "d_model": 512,
        "layers": 3,
        "heads": 4,
        "feed_forward": 2048,
        "hidden": (1024, 512, 256, 128),
        "by_fraction": True,
    },
    "small": {
        "d_model": 64,
        "layers": 3,
        "heads": 4,
        "feed_forward": 256,
        "hidden": (128,),
        # The gate may close for good on small training sets: every prediction is then one number.
        "gated": False,
        "norm_first": True,
    },
}
#: Compositions that a batch's neighbours in length are sought among, in batches.
_BUCKET = 8
#: Largest norm of a member's gradient.
_CLIP = 1.0
#: Smallest factor of the noise on a fraction: no element vanishes.
_LEAST = 0.01
#: Compositions predicted at once.
_CHUNK = 512
#: Compositions below which none is kept back for validation.
_FEWEST_TO_VALIDATE = 20


class Config(Strict):
    """The network's widths and its training."""

    preset: Literal["small", "study"] = "small"
    """Widths: small (d_model 64, feed-forward 256) or the study's (512, 2048)."""
    epochs: PositiveInt = 100
    """Passes over the training compositions."""
    batch_size: PositiveInt = 64
    """Compositions in a batch; fewer where the training set is small."""
    learning_rate: PositiveFloat = 3e-3
    """Peak of the one-cycle schedule (AdamW)."""
    weight_decay: NonNegativeFloat = 1e-2
    """AdamW's."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of activations dropped in the transformer."""
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Relative standard deviation of the noise on the fractions in training."""
    loss: Literal["l1", "robust_l1"] = "l1"
    """l1 fits the mean by absolute error and the spread beside it; robust_l1 weighs rows by their spread."""
    averaging: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Time constant of the weights' exponential average, as a share of all steps; 0 takes the last weights."""
    validation: Annotated[float, Field(ge=0, lt=0.9)] = 0.0
    """Share of the training compositions kept back to stop early; the best weights on them are taken."""
    patience: NonNegativeInt = 10
    """Epochs without a better validation error after which training stops; needs validation above 0."""
    members: PositiveInt = 2
    """Networks in the ensemble."""


@dataclass(frozen=True)
class Tokens:
    """Compositions as element tokens, most abundant first, each array (n x most elements); 0 is padding.

    ``token`` is the atomic number, ``fraction`` the element's share of its formula's atoms, ``part`` the number of the
    formula where several describe an electrode. ``length`` (n,) counts the tokens.
    """

    token: np.ndarray
    fraction: np.ndarray
    part: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, layout: Layout) -> Self:
        """From fractions (n x columns of the feature set `elements`)."""
        order = np.argsort(-values, axis=1, kind="stable")
        length = (values > 0).sum(axis=1)
        order = order[:, : max(int(length.max(initial=1)), 1)]
        fraction = np.take_along_axis(values, order, axis=1)
        absent = fraction <= 0
        token = np.where(absent, 0, np.array(layout.numbers)[order])
        part = np.where(absent, 0, np.array(layout.parts)[order])
        return cls(token, np.where(absent, 0.0, fraction).astype(np.float32), part, length)

    def __len__(self) -> int:
        return len(self.length)

    def rows(self, chosen: np.ndarray) -> Tokens:
        """The tokens of some compositions."""
        return Tokens(self.token[chosen], self.fraction[chosen], self.part[chosen], self.length[chosen])

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Token, fraction and part of some rows, padded to the longest of them."""
        import torch

        width = int(self.length[rows].max())
        arrays = (self.token, self.fraction, self.part)
        token, fraction, part = (torch.as_tensor(a[rows, :width], device=device) for a in arrays)
        return token, fraction, part


@dataclass(frozen=True)
class Layout:
    """What the columns of a frame stand for: atomic number and part of each."""

    columns: tuple[str, ...]
    numbers: tuple[int, ...]
    parts: tuple[int, ...]

    @classmethod
    def of(cls, columns: Iterable[str]) -> Self:
        """From names like ``Fe``, or ``formula_charge: Fe`` where several formulas describe an electrode.

        Raises
        ------
        ValueError
            When a column does not end in an element's symbol.
        """
        number = {symbol: i + 1 for i, symbol in enumerate(element_table("mat2vec").index)}
        columns = [str(c) for c in columns]
        prefixes = list(dict.fromkeys(c.rpartition(": ")[0] for c in columns))
        symbols = [c.rpartition(": ")[2] for c in columns]
        if unknown := [c for c, symbol in zip(columns, symbols, strict=True) if symbol not in number]:
            raise ValueError(f"CrabNet reads the feature set 'elements'; '{unknown[0]}' is not an element's column")
        return cls(
            columns=tuple(columns),
            numbers=tuple(number[symbol] for symbol in symbols),
            parts=tuple(prefixes.index(c.rpartition(": ")[0]) for c in columns),
        )

    @property
    def n_parts(self) -> int:
        """How many formulas describe an electrode."""
        return max(self.parts, default=0) + 1

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """The frame's numbers, checked: these columns, finite, no row without an element."""
        check_columns(frame, self.columns)
        values = frame.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all() or (values < 0).any():
            raise ValueError("features and targets must be finite, and fractions not negative")
        return values


class CrabNet:
    """An ensemble of CrabNet networks.

    The predicted mean is the members' mean, bounded by the range of the training targets. The spread joins the
    networks' own (aleatoric: how far rows lie from the mean) with the members' disagreement.
    """

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.layout_: Layout | None = None
        self.targets_: list[str] = []
        self.scale_: TargetScale | None = None
        self.network_: CrabNetwork | None = None
        #: Epochs of the training.
        self.epochs_ = 0
        self.watch: Watch | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        from electrode_bench.models.neural.training import TargetScale, session

        if targets.empty:
            raise ValueError("no training rows")
        self.layout_ = Layout.of(frame.columns)
        x, y = self.layout_.values(frame), targets.to_numpy(dtype=np.float64)
        if not np.isfinite(y).all():
            raise ValueError("features and targets must be finite, and fractions not negative")
        self._known(x)
        order = content_order(x, y)
        x, y = x[order], y[order]
        self.targets_ = [str(c) for c in targets.columns]
        self.scale_ = TargetScale.of(y)
        data = _Compositions.of(x, self.scale_.scaled(y), self.layout_)
        own = derive(self.seed, "training")
        with session(own) as device:
            network, self.epochs_ = self._train(data, seed=own, device=device)
        self.network_ = network.cpu()
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        import torch

        from electrode_bench.models.neural.training import session

        if self.layout_ is None or self.scale_ is None or self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        values = self.layout_.values(frame)
        self._known(values)
        # Equal compositions get equal numbers, whatever rows stand beside them.
        distinct, back = np.unique(values, axis=0, return_inverse=True)
        tokens = Tokens.of(distinct, self.layout_)
        with session(self.seed) as device, torch.no_grad():
            means, spreads = _predict(self.network_.to(device).eval(), tokens, device)
            self.network_.cpu()
        mean = self.scale_.restored(means.mean(axis=0))
        # Law of total variance over the members.
        std = np.sqrt((np.exp(spreads) ** 2).mean(axis=0) + means.var(axis=0)) * self.scale_.scale
        back = back.ravel()
        return Prediction.of(mean[back], std[back], index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        from electrode_bench.models.neural.training import save_weights

        if self.layout_ is None or self.scale_ is None or self.network_ is None:
            raise ValueError("the network is not fitted; call fit first")
        save_weights(self.network_, folder)
        state = {
            "config": self.config.model_dump(),
            "seed": self.seed,
            "columns": list(self.layout_.columns),
            "targets": self.targets_,
            "scale": self.scale_.to_json(),
            "epochs": self.epochs_,
        }
        write_text(json.dumps(state), folder / "crabnet.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        from electrode_bench.models.neural.training import TargetScale, load_weights

        state = json.loads((folder / "crabnet.json").read_text(encoding="utf-8"))
        model = cls(Config(**state["config"]), state["seed"])
        model.layout_, model.targets_ = Layout.of(state["columns"]), state["targets"]
        model.scale_, model.epochs_ = TargetScale.from_json(state["scale"]), state["epochs"]
        model.network_ = model._network()
        load_weights(model.network_, folder)
        return model

    def _network(self) -> CrabNetwork:
        from electrode_bench.models.crabnet.network import CrabNetwork

        assert self.layout_ is not None
        vectors = element_table("mat2vec").to_numpy()
        return CrabNetwork(
            np.concatenate([np.zeros((1, vectors.shape[1])), vectors]),
            members=self.config.members,
            targets=len(self.targets_),
            parts=self.layout_.n_parts,
            dropout=self.config.dropout,
            spread_apart=self.config.loss == "l1",
            **PRESETS[self.config.preset],
        )

    def _known(self, values: np.ndarray) -> None:
        """Raise for a row without an element."""
        if (values.max(axis=1, initial=0.0) <= 0).any():
            raise UserError("a composition without elements cannot be fitted or predicted")

    def _train(self, data: _Compositions, *, seed: int, device: torch.device) -> tuple[CrabNetwork, int]:
        """All members at once, on the same batches, and the epochs that it took.

        Members differ in their first weights and in the noise on the fractions.
        """
        import torch

        from electrode_bench.models.neural.training import (  # fmt: skip
            WeightAverage,
            autocast,
            batch_size,
            look_in,
            one_cycle,
            set_weights,
        )

        assert self.layout_ is not None
        config, rng, parts = self.config, np.random.default_rng(seed), self.layout_.n_parts
        kept, held = data.parted(config.validation, rng)
        size = batch_size(len(kept), config.batch_size)
        steps = config.epochs * -(-len(kept) // size)
        network = self._network().to(device)
        optimiser, schedule = one_cycle(
            network, steps=steps, learning_rate=config.learning_rate, weight_decay=config.weight_decay
        )
        average = WeightAverage(network, steps=steps, share=config.averaging)
        best, best_epoch, best_weights = np.inf, 0, None
        epoch = 0
        for epoch in range(1, config.epochs + 1):
            network.train()
            for rows in _batches(data.tokens.length[kept], size, rng):
                chosen = kept[rows]
                token, fraction, part = data.tokens.batch(chosen, device)
                fraction = _jittered(fraction.expand(config.members, *token.shape), part, config.jitter, parts=parts)
                truth, owner = data.rows_of(chosen, device)
                with autocast(device):
                    mean, spread = network(token, fraction, part)
                loss = _loss(mean[:, owner], spread[:, owner], truth, kind=config.loss)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP * config.members**0.5)
                optimiser.step()
                schedule.step()
                average.update()
            look_in(self, network, average, device=device, done=epoch, planned=config.epochs)
            if len(held) == 0:
                continue
            live = [p.detach().clone() for p in network.parameters()]
            set_weights(network, average.weights())
            error = data.error(network.eval(), held, device)
            if error < best:
                best, best_epoch, best_weights = error, epoch, average.weights()
            set_weights(network, live)
            if epoch - best_epoch > config.patience:
                break
        set_weights(network, average.weights() if best_weights is None else best_weights)
        return network.eval(), epoch


@dataclass(frozen=True)
class _Compositions:
    """Distinct compositions and the rows of each: composition i has the targets ``starts[i]`` to ``starts[i + 1]``."""

    tokens: Tokens
    targets: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, targets: np.ndarray, layout: Layout) -> Self:
        distinct, owner = np.unique(values, axis=0, return_inverse=True)
        owner = owner.ravel()
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(len(distinct) + 1))
        return cls(Tokens.of(distinct, layout), targets[order], starts)

    def parted(self, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Compositions to train on and to validate on."""
        n = len(self.tokens)
        held = round(share * n)
        if n < _FEWEST_TO_VALIDATE or held == 0:
            return np.arange(n), np.arange(0)
        order = rng.permutation(n)
        return np.sort(order[held:]), np.sort(order[:held])

    def rows_of(self, chosen: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets of all rows of some compositions, and for each row the position of its composition in ``chosen``."""
        import torch

        count = self.starts[chosen + 1] - self.starts[chosen]
        owner = np.repeat(np.arange(len(chosen)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        truth = self.targets[self.starts[chosen][owner] + within]
        return torch.as_tensor(truth, device=device), torch.as_tensor(owner, device=device)

    def error(self, network: CrabNetwork, chosen: np.ndarray, device: torch.device) -> float:
        """Mean absolute error over the rows of some compositions, in scaled units."""
        import torch

        tokens = self.tokens.rows(chosen)
        with torch.no_grad():
            mean, _ = _predict(network, tokens, device)
        truth, owner = self.rows_of(chosen, torch.device("cpu"))
        return float(np.abs(mean.mean(axis=0)[owner.numpy()] - truth.numpy()).mean())


def _batches(length: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Positions in batches of about one length, in random order: bucketed, so that little is padding."""
    order = rng.permutation(len(length))
    batches = []
    for start in range(0, len(order), _BUCKET * size):
        bucket = order[start : start + _BUCKET * size]
        bucket = bucket[np.argsort(length[bucket], kind="stable")]
        batches += [bucket[i : i + size] for i in range(0, len(bucket), size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]


def _jittered(fraction: torch.Tensor, part: torch.Tensor, jitter: float, *, parts: int) -> torch.Tensor:
    """Fractions with relative noise, which still add up to 1 in each part of a composition; padding, 0, gets none."""
    import torch

    if jitter == 0:
        return fraction
    noisy = fraction * (1 + jitter * torch.randn_like(fraction)).clamp(min=_LEAST)
    factor = torch.ones_like(fraction)
    for number in range(parts):
        inside = part == number
        before, after = (torch.where(inside, f, 0.0).sum(-1, keepdim=True) for f in (fraction, noisy))
        # A part without an element has nothing to scale.
        factor = torch.where(inside & (after > 0), before / after, factor)
    return noisy * factor


def _loss(mean: torch.Tensor, spread: torch.Tensor, truth: torch.Tensor, *, kind: str) -> torch.Tensor:
    """Absolute error of the mean; likelihood of a Laplace distribution with the spread as standard deviation."""
    import torch

    error = (truth - mean).abs()
    # A sum over members: none of them feels how many there are.
    if kind == "robust_l1":
        return (2**0.5 * error * torch.exp(-spread) + spread).mean(dim=(1, 2)).sum()
    # The spread learns from the errors but does not weigh them; nor does it shape the network (see _network).
    return (error + 2**0.5 * error.detach() * torch.exp(-spread) + spread).mean(dim=(1, 2)).sum()


def _predict(network: CrabNetwork, tokens: Tokens, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Mean and logarithm of the spread (members x n x targets), scaled; compositions of one length together."""
    from electrode_bench.models.neural.training import autocast

    mean, spread = np.zeros((2, network.members, len(tokens), network.targets), dtype=np.float32)
    for length in np.unique(tokens.length):
        rows = np.flatnonzero(tokens.length == length)
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            with autocast(device):
                out = network(*tokens.batch(chunk, device))
            mean[:, chunk], spread[:, chunk] = (o.float().cpu().numpy() for o in out)
    return mean, spread
