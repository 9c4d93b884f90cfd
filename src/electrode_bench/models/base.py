"""What every model offers: scikit-learn's shape, all three targets at once, saved without pickle."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd

from electrode_bench.core.config import Strict
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.source_closure import SourceClosure, source_closure
from electrode_bench.models.search_space import Dimension


@dataclass(frozen=True)
class Prediction:
    """Predicted targets on exactly the index of the frame that was given, in each target's unit.

    ``mean`` has one column a target; ``std`` the same, or is None for a model without a spread.
    """

    mean: pd.DataFrame
    std: pd.DataFrame | None = None

    @classmethod
    def of(cls, mean: np.ndarray, std: np.ndarray | None, *, index: pd.Index, targets: Sequence[str]) -> Self:
        """From arrays (rows x targets) in the order of ``index`` and ``targets``."""
        columns = list(targets)
        spread = None if std is None else pd.DataFrame(std, index=index, columns=columns)
        return cls(pd.DataFrame(mean, index=index, columns=columns), spread)


def content_order(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions of the rows (features n x k, a missing one NaN; targets n x m) sorted by what is in them.

    A model that draws rows by position fits them in this order, so that the order in which they came does not matter.
    """
    return np.lexsort((*y.T, *np.nan_to_num(x, nan=-np.inf).T))


def check_columns(frame: pd.DataFrame, expected: Sequence[str]) -> None:
    """Raise a ValueError when the frame's columns are not those that the model was fitted on, in their order."""
    if [str(c) for c in frame.columns] != list(expected):
        raise ValueError(f"expected the columns {list(expected)}, got {list(frame.columns)}")


class Watch(Protocol):
    """Looks in on a training: called with the epochs done, those planned, and how the model would predict now.

    What it raises ends the training. It changes no number of the fitted model.
    """

    def __call__(self, done: int, planned: int, predict: Callable[[pd.DataFrame], Prediction]) -> None: ...


class Model(Protocol):
    """A model of all targets at once.

    ``fit`` takes a frame (n rows, the columns of the model's feature set) and the targets (n rows on
    the same index, one column a target, in their units); an index value may repeat (bootstrap).
    ``predict`` keeps the frame's index. ``save`` writes into an existing empty folder and ``load``
    reads it in a fresh process; neither uses a bare pickle.
    """

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self: ...

    def predict(self, frame: pd.DataFrame) -> Prediction: ...

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


@runtime_checkable
class Watched(Protocol):
    """A model that is trained in epochs, after each of which ``watch`` is called."""

    watch: Watch | None


#: Names the device of networks: auto, cpu, cuda or cuda:<number>. The environment, since workers are processes.
DEVICE_VARIABLE = "ELECTRODE_BENCH_DEVICE"


def named_device() -> str | None:
    """The device that was asked for; None where the machine decides."""
    name = os.environ.get(DEVICE_VARIABLE) or "auto"
    return None if name == "auto" else name


def _always() -> str | None:
    return None


def network_device() -> str:
    """Name of the device that a network would be fitted on now; a UserError when the one asked for is not there."""
    # Here, because loading torch takes seconds that other models need not wait for.
    from electrode_bench.models.neural.training import choose_device, device_name

    return device_name(choose_device())


@dataclass(frozen=True)
class ModelSpec:
    """One line of the registry: how a model is made, configured and fed."""

    name: str
    title: str
    #: ``config`` as in params.yaml under ``models.<name>``, then the seed of this fit.
    build: Callable[[Any, int], Model]
    load: Callable[[Path], Model]
    config: type[Strict]
    #: Name in features.FEATURE_SETS, or None for a model that reads no features.
    feature_set: str | None
    #: Distributions that decide a fit and that its code does not import by name.
    libraries: tuple[str, ...] = ()
    #: Version of one of these, as text; a model that runs in another environment asks there.
    version_of: Callable[[str], str] = importlib.metadata.version
    #: Modules that decide a fit and that its code does not import, as scripts for another environment.
    scripts: tuple[str, ...] = ()
    #: Why the model cannot be fitted here, in one line; None when it can.
    available: Callable[[], str | None] = _always
    #: A reference: fitted only when asked for by name, never by the pipeline, and published without its model.
    reference: bool = False
    #: Cheaper to fit than to hand to another process.
    light: bool = False
    #: Name of the device that a fit would run on now.
    device: Callable[[], str] = lambda: "cpu"
    #: What a sweep may try, by parameter; empty for a model that is not tuned.
    space: Mapping[str, Dimension] = field(default_factory=dict)
    #: Values of a configuration that is fitted in seconds, for tests.
    quick: Mapping[str, Any] = field(default_factory=dict)
    #: The Python module that assigns this; filled in when it is loaded.
    module: str = ""

    def closure(self) -> SourceClosure:
        """The source code that decides a fit: how the model is built, trained and asked for predictions.

        Search space, titles and the like are not part of it: what was chosen stands in the configuration.
        """
        build = f"{self.build.__module__}:{self.build.__qualname__}"
        return source_closure(build, f"{__name__}:fit_predict", *self.scripts)

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that decide a fit, by name."""
        own = {name: self.version_of(name) for name in self.libraries}
        return dict(sorted({**self.closure().versions(), **own}.items(), key=lambda item: item[0].lower()))


def fit_predict(
    spec: ModelSpec,
    config: Strict,
    seed: int,
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    train_ids: Sequence[str],
    test_ids: Sequence[str],
    watch: Watch | None = None,
) -> pd.DataFrame:
    """Fit on the training rows (ids may repeat), predict the test rows: electrode_id, target, y_pred, y_std, long.

    ``watch`` looks in on the training of a model that has epochs.

    Raises
    ------
    ValueError
        When the model does not predict every target, finite, on exactly the rows that it was given.
    """
    train, test = list(train_ids), frame.loc[list(test_ids)]
    model = spec.build(config, seed)
    if isinstance(model, Watched):
        model.watch = watch
    prediction = model.fit(frame.loc[train], targets.loc[train]).predict(test)
    mean, std = prediction.mean, prediction.std
    if not mean.index.equals(test.index) or set(mean.columns) != set(TARGETS):
        raise ValueError(f"{spec.name} must predict {', '.join(TARGETS)} on exactly the rows that it was given")
    bad = int((~np.isfinite(mean.to_numpy())).sum())
    if bad:
        raise ValueError(f"{spec.name} predicted {bad} values that are not finite")
    parts = [
        pd.DataFrame(
            {
                ID: test.index.to_numpy(),
                "target": target,
                "y_pred": mean[target].to_numpy(dtype=float),
                "y_std": std[target].to_numpy(dtype=float) if std is not None else np.nan,
            }
        )
        for target in TARGETS
    ]
    return pd.concat(parts, ignore_index=True)
