"""params.yaml as strict models: a wrong key or value is one clear line, never a silent default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from electrode_bench.core.config import Strict, validate
from electrode_bench.core.documents import DocumentError, read_yaml
from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError, nearest

Range = tuple[float | None, float | None]


class Prepare(Strict):
    """Which rows of the snapshot are kept. The defaults keep every row that can be used."""

    thermo_types: list[str] | None = None
    """Thermodynamic data of InsertionElectrodeDoc rows ("GGA_GGA+U", "R2SCAN", ...); null keeps all."""
    duplicate_ids: Literal["number", "first", "reject"] = "number"
    """Rows that repeat a battery id with other content, after voltage steps were merged: "number" keeps all (id, id~2,
    ...), "first" keeps the first in the order of their content, "reject" rejects all of them."""
    max_steps: PositiveInt | None = None
    """Pairs whose voltage has more steps than this are rejected; null keeps all."""
    ranges: dict[str, Range] | None = None
    """Accepted range of each target, in its unit; null for an open end, or to keep all."""

    @model_validator(mode="after")
    def _known_targets(self) -> Prepare:
        for name, (low, high) in (self.ranges or {}).items():
            if name not in TARGETS:
                raise ValueError(f"unknown target '{name}'; {nearest(name, TARGETS)}")
            if low is not None and high is not None and low >= high:
                raise ValueError(f"the range of {name} is empty: {low} is not below {high}")
        return self


class Featurize(Strict):
    sets: list[str] | None = None
    """Feature sets that the pipeline computes; null takes every set there is."""
    composition: Literal["discharged", "framework_ion", "pair"] = "discharged"
    """What represents an electrode: its discharged formula; its framework formula and the working ion; or its charged
    and discharged formulas. With two formulas, an electrode has the features of both."""
    atomic_packing: bool = False
    """Whether the feature set modnet includes the atomic packing efficiency: 5 more features, 2 ms per formula."""


class TSNE(Strict):
    perplexity: PositiveFloat = 30.0
    """Effective number of neighbours of a composition."""
    early_exaggeration: PositiveFloat = 12.0
    """How tightly clusters are pulled together in the first iterations."""
    max_iter: Annotated[int, Field(ge=250)] = 1000
    """Iterations of the gradient descent."""


class UMAP(Strict):
    n_neighbors: Annotated[int, Field(ge=2)] = 15
    """Number of neighbours that count as local."""
    min_dist: Annotated[float, Field(ge=0)] = 0.1
    """Smallest distance between points on the map."""


class DBSCAN(Strict):
    eps: PositiveFloat | Literal["auto"] = "auto"
    """Neighbourhood radius on the map, or "auto": the radius that leads to ``clusters`` clusters, or as close as the
    map allows, with the least noise."""
    clusters: PositiveInt = 14
    """Number of clusters that eps "auto" aims for (the study has 14)."""
    min_samples: PositiveInt = 10
    """Compositions within eps that make a core point."""


class Map(Strict):
    method: Literal["tsne", "umap"] = "tsne"
    """Embedding: t-SNE or UMAP."""
    features: str = "modnet"
    """Feature set that is embedded; the study embeds MODNet's. A feature that is not defined for a composition is
    imputed as half a range below the smallest value."""
    exact: Annotated[int, Field(ge=50)] = 10_000
    """Compositions up to which all are embedded and clustered. Of more, a random sample of this size is, and each of
    the others is placed beside its nearest compositions in the sample."""
    tsne: TSNE = TSNE()
    umap: UMAP = UMAP()
    dbscan: DBSCAN = DBSCAN()


class Split(BaseModel):
    """Which protocols there are, and the options of each under its name (see ``electrode_bench.splits``)."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    protocols: list[str] | None = None
    """Protocols that models are fitted under, in the order of the tables; null takes every protocol there is."""

    @property
    def options(self) -> dict[str, Any]:
        """The options of each protocol that has some, by its name."""
        return dict(self.model_extra or {})


class Fit(Strict):
    models: list[str] | None = None
    """Models that the pipeline fits; null takes every model but the published packages."""


class Intervals(Strict):
    """Prediction intervals: how likely they hold the true value, and which compositions share a calibration."""

    levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.8, 0.9, 0.95)
    """Shares of new compositions whose true value should lie within the interval."""
    level: float = 0.9
    """The level that answers show; one of ``levels``."""
    fewest: PositiveInt = 60
    """A working ion with at least this many compositions has intervals of its own; the other ions are pooled."""

    @model_validator(mode="after")
    def _level_among_levels(self) -> Intervals:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("levels: a level stands twice")
        if self.level not in self.levels:
            raise ValueError(f"level: {self.level:g} is not among the levels ({', '.join(map(str, self.levels))})")
        return self


#: The intervals of a params.yaml that says nothing of them.
DEFAULT_INTERVALS = Intervals()


class Sweep(Strict):
    """How a sweep tunes. The numbers of trials and workers and the server are options of the command: they change no
    trial."""

    protocol: str = "grouped"
    """Protocol of the outer folds: a sweep sees the training set of one of them and nothing of its test set. Any
    protocol but the bootstrap."""
    fold: str | None = None
    """The outer fold whose training set is used; null means the first. `--nested` uses each fold."""
    inner: str = "grouped"
    """Protocol of the inner folds, within that training set, on which a trial is scored; any but the bootstrap."""
    folds: Annotated[int, Field(ge=2)] = 3
    """Number of inner folds (stratified and grouped)."""
    objective: Literal["smae", "gravimetric_capacity", "volumetric_capacity", "average_voltage"] = "smae"
    """Objective, which is minimised: the mean SMAE over the three targets, or the SMAE of one."""
    against_seconds: bool = False
    """Whether the cost of a fit is a second objective: processor seconds, or seconds on a GPU. The result is then a
    Pareto front, and nothing is pruned."""
    sampler: Literal["auto", "tpe", "gp", "random"] = "tpe"
    """Sampler of Optuna: tree-structured Parzen estimators, a Gaussian process, or random values; auto uses the
    Gaussian process for short sweeps, and tpe for long ones or two objectives."""
    pruner: Literal["median", "wilcoxon", "none"] = "median"
    """Pruning: a trial stops if it is worse than the median of earlier ones at the same point of training, or by a
    signed-rank test on the inner folds."""
    checkpoints: PositiveInt = 4
    """Number of points in each training, the end included, at which the median pruner compares (networks)."""
    spaces: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Narrower search spaces, by model and parameter: {low, high}, a list of choices, or null for a fixed value."""


class Params(Strict):
    """All of params.yaml."""

    seed: Annotated[int, Field(ge=0)]
    """Root of every seed; each use derives its own from names."""
    prepare: Prepare = Prepare()
    featurize: Featurize = Featurize()
    map: Map = Map()
    split: Split = Split()
    fit: Fit = Fit()
    intervals: Intervals = DEFAULT_INTERVALS
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Configuration of each model; `electrode-bench models` lists what each takes."""
    sweep: Sweep = Sweep()


def load(path: Path) -> Params:
    """Read params.yaml.

    Raises
    ------
    UserError
        When the file is missing, cannot be read as YAML (``core.documents``), or has a wrong key or value.
    """
    if not path.exists():
        raise UserError(f"{path} is missing; run the command in the project's folder, or name it with --project")
    try:
        values = read_yaml(path)
    except DocumentError as error:
        raise UserError(error.at(path)) from error
    return validate(Params, values, where=str(path))
