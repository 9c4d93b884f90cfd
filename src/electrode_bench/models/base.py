"""What every model offers: scikit-learn's shape, all three targets at once, saved without pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from electrode_bench.core.config import INTERNAL, Strict
from electrode_bench.core.installed import version
from electrode_bench.core.schema import COMPOSITION_ONLY, ID, SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.core.source_closure import SourceClosure, entry, source_closure
from electrode_bench.errors import UserError
from electrode_bench.models.search_space import Dimension


@dataclass(frozen=True)
class Prediction:
    """Predicted targets on the index of the frame that was given, each in its target's unit.

    Attributes
    ----------
    mean : one column for each target.
    std : the predictive standard deviation, with the same columns; None for a model that does not estimate it.
    share : the cumulative distribution of the extracted share: one column P(share <= threshold) for each of
        ``schema.SHARE_THRESHOLDS``, named by the threshold, never falling from one to the next. P(share <= 1) = 1 is
        not stored. None for a model that does not predict it.
    share_values : the share that stands for each interval between thresholds, beginning with the one from 0 to the
        first threshold and ending with the one from the last threshold to 1: the median of the training shares in it.
        None if and only if ``share`` is.
    """

    mean: pd.DataFrame
    std: pd.DataFrame | None = None
    share: pd.DataFrame | None = None
    share_values: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        mean: np.ndarray,
        std: np.ndarray | None,
        *,
        index: pd.Index,
        targets: Sequence[str],
        share: np.ndarray | None = None,
        share_values: Sequence[float] | np.ndarray | None = None,
    ) -> Self:
        """From arrays (rows x targets) in the order of ``index`` and ``targets``; ``share`` is rows x thresholds."""
        columns = list(targets)
        return cls(
            pd.DataFrame(mean, index=index, columns=columns),
            None if std is None else pd.DataFrame(std, index=index, columns=columns),
            None if share is None else pd.DataFrame(share, index=index, columns=list(SHARE_THRESHOLDS)),
            None if share_values is None else tuple(float(value) for value in share_values),
        )


@dataclass(frozen=True)
class FoldPrediction:
    """What a fit predicts for the test rows of a fold, as it is kept on disk.

    Attributes
    ----------
    targets : one row for each test row and target: electrode_id, target, y_pred, y_std.
    share : one row for each test row: electrode_id, then ``schema.share_column(threshold)`` for each threshold; None
        for a model that does not predict the distribution of the extracted share.
    share_values : as of :class:`Prediction`.
    """

    targets: pd.DataFrame
    share: pd.DataFrame | None = None
    share_values: tuple[float, ...] | None = None


class Model(Protocol):
    """A model of all targets at once.

    ``fit`` takes a frame (n rows, the columns of the model's feature set) and the targets (n rows on the same index,
    one column for each target, in its unit). An index value may occur more than once, as in a bootstrap sample.
    ``predict`` keeps the frame's index. ``save`` writes into an existing empty folder; the ``load`` of the model's
    :class:`ModelSpec` reads it in a fresh process. Neither uses pickle.
    """

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self: ...

    def predict(self, frame: pd.DataFrame) -> Prediction: ...

    def save(self, folder: Path) -> None: ...


class EpochCallback(Protocol):
    """Called after each epoch of a training.

    It gets the number of finished epochs, the number of planned epochs, and a function that predicts a frame with the
    present weights. It cannot change the fitted model. An exception that it raises ends the training.
    """

    def __call__(self, done: int, planned: int, predict: Callable[[pd.DataFrame], Prediction]) -> None: ...


@runtime_checkable
class SupportsEpochCallback(Protocol):
    """A model that is trained in epochs and calls ``epoch_callback`` after each of them."""

    epoch_callback: EpochCallback | None


class CannotSave(UserError):
    """A fitted model has no form on disk that can be loaded without pickle."""


class EnsembleConfig(Strict):
    """Configuration of an ensemble: a model that combines the predictions of other models."""

    members: tuple[str, ...]
    """Names of the models that are combined. Each has the configuration of params.yaml."""
    configurations: Annotated[Mapping[str, Mapping[str, Any]], Field(json_schema_extra=INTERNAL)] = {}
    """The members' configurations by name. They are taken from params.yaml, where this key must not be written."""

    @field_validator("members")
    @classmethod
    def _distinct(cls, members: tuple[str, ...]) -> tuple[str, ...]:
        if not members or len(set(members)) < len(members):
            raise ValueError("name at least one member, and each once")
        return members


def content_order(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions that sort the rows of features (n x k, missing values NaN) and targets (n x m) by their content.

    A model that draws rows by position fits them in this order, so that the order of the table does not matter.
    """
    return np.lexsort((*y.T, *np.nan_to_num(x, nan=-np.inf).T))


def check_columns(frame: pd.DataFrame, expected: Sequence[str]) -> None:
    """Raise a ValueError when the frame's columns are not those that the model was fitted on, in the same order."""
    if [str(c) for c in frame.columns] != list(expected):
        raise ValueError(f"expected the columns {list(expected)}, got {list(frame.columns)}")


def _available() -> str | None:
    return None


@dataclass(frozen=True)
class ModelSpec:
    """What the program needs to know about a model. A model's module assigns one to ``SPEC``."""

    name: str
    title: str
    #: Makes an unfitted model from its configuration (``models.<name>`` of params.yaml) and a seed.
    build: Callable[[Any, int], Model]
    #: Reads a folder that the model's ``save`` wrote.
    load: Callable[[Path], Model]
    config: type[Strict]
    #: Name of a feature set (features.FEATURE_SETS), or several names joined by "+", whose columns stand side by side;
    #: None for a model that reads no features.
    feature_set: str | None
    #: What the model reads, in a few words for people. The tables separate models by it.
    reads: str = COMPOSITION_ONLY
    #: Distributions that decide a fit and that the model's code does not import by name.
    libraries: tuple[str, ...] = ()
    #: Version of one of ``libraries``, as text. A model that runs in another environment asks there.
    version_of: Callable[[str], str] = version
    #: Further source code that decides a fit, as ``"package.module"`` or ``"package.module:name"``: code that ``build``
    #: does not import, such as scripts for another environment.
    scripts: tuple[str, ...] = ()
    #: One line on why the model cannot be fitted here; None when it can.
    available: Callable[[], str | None] = _available
    #: A published package for comparison: fitted only when named, never by the pipeline; its model is not published.
    reference: bool = False
    #: Cheaper to fit than to send to another process.
    light: bool = False
    #: Name of the device that a fit would run on now.
    device: Callable[[], str] = lambda: "cpu"
    #: What tuning may try, by parameter; empty for a model that is not tuned.
    space: Mapping[str, Dimension] = field(default_factory=dict)
    #: Values of a configuration that is fitted in seconds, for tests.
    quick: Mapping[str, Any] = field(default_factory=dict)
    #: Name of the Python module that assigns this; filled in when the module is loaded.
    module: str = ""

    @property
    def is_ensemble(self) -> bool:
        """Whether the model combines the folds of other models: its configuration names its members.

        What ``build`` returns is then a :class:`~electrode_bench.models.members.EnsembleModel`.
        """
        return issubclass(self.config, EnsembleConfig)

    def entries(self) -> tuple[str, ...]:
        """Where the source code that decides a fit begins (see :func:`~electrode_bench.core.source_closure`).

        Search space, title and the like are not part of it.
        """
        found = [entry(self.build), entry(self.config), f"{__name__}:fit_predict", *self.scripts]
        own = self.build.__module__
        if self.module and own != self.module and not own.startswith(f"{self.module}."):
            # A wrapper builds the model: what it wraps is named in SPEC only.
            found.append(f"{self.module}:SPEC")
        return tuple(found)

    def closure(self) -> SourceClosure:
        """The source code that decides a fit: how the model is built, trained and asked for predictions."""
        return source_closure(*self.entries())

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
    epoch_callback: EpochCallback | None = None,
) -> FoldPrediction:
    """Fit on the training rows and predict the test rows.

    Parameters
    ----------
    frame, targets : features and targets of all rows, indexed by electrode id.
    train_ids, test_ids : rows to fit on and to predict; training ids may occur more than once.
    epoch_callback : called after each epoch of a model that is trained in epochs.

    Raises
    ------
    ValueError
        When the model does not predict a finite number for every target of exactly the test rows, or predicts shares
        that are not a distribution.
    """
    train, test = list(train_ids), frame.loc[list(test_ids)]
    model = spec.build(config, seed)
    if isinstance(model, SupportsEpochCallback):
        model.epoch_callback = epoch_callback
    prediction = model.fit(frame.loc[train], targets.loc[train]).predict(test)
    return fold_prediction(prediction, test.index, model=spec.name)


def fold_prediction(prediction: Prediction, rows: pd.Index, *, model: str) -> FoldPrediction:
    """A prediction of the test rows of a fold in the form that is kept on disk; errors as :func:`fit_predict`."""
    mean, std = prediction.mean, prediction.std
    if not mean.index.equals(rows) or set(mean.columns) != set(TARGETS):
        raise ValueError(f"{model} must predict {', '.join(TARGETS)} for exactly the rows of its input")
    bad = int((~np.isfinite(mean.to_numpy())).sum())
    if bad:
        raise ValueError(f"{model} predicted {bad} values that are not finite")
    by_target = [
        pd.DataFrame(
            {
                ID: rows.to_numpy(),
                "target": target,
                "y_pred": mean[target].to_numpy(dtype=float),
                "y_std": std[target].to_numpy(dtype=float) if std is not None else np.nan,
            }
        )
        for target in TARGETS
    ]
    return FoldPrediction(
        pd.concat(by_target, ignore_index=True), _share_table(prediction, rows, model=model), prediction.share_values
    )


def _share_table(prediction: Prediction, rows: pd.Index, *, model: str) -> pd.DataFrame | None:
    share, values = prediction.share, prediction.share_values
    if share is None and values is None:
        return None
    intervals = len(SHARE_THRESHOLDS) + 1
    if share is None or values is None or len(values) != intervals:
        raise ValueError(f"{model} must give the share that stands for each of the {intervals} intervals")
    if not share.index.equals(rows) or [*map(float, share.columns)] != [*SHARE_THRESHOLDS]:
        raise ValueError(f"{model} must predict the distribution of the share for exactly the rows of its input")
    probabilities = share.to_numpy(dtype=float)
    if not ((probabilities >= 0) & (probabilities <= 1)).all() or (np.diff(probabilities, axis=1) < 0).any():
        raise ValueError(f"{model} predicted shares whose cumulative distribution falls, or is not within 0 and 1")
    table = share.set_axis([share_column(threshold) for threshold in SHARE_THRESHOLDS], axis=1)
    return table.rename_axis(ID).reset_index()
