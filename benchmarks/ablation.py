"""What each idea of the boosting model contributes, measured on a project's grouped folds (first repeat).

    python benchmarks/ablation.py --project . --out docs/results/earlier

The first step is LightGBM as one would use it without knowing anything of batteries: one model per target, on features
of the composition. Each further step adds one idea. The last step of boosting is the model as it is shipped; it, and
the ensemble after it, come from the project's own runs where there are any.

Needs the features of boosting and the folds (dvc repro featurize split). The project is only read. Writes ablation.csv
and a figure of it. Processor seconds of the shipped models include those of their standard deviations, which the other
steps do not estimate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from threadpoolctl import threadpool_limits

from electrode_bench import models
from electrode_bench.core.artifacts import write_csv
from electrode_bench.core.folds import Fold, first_repeat
from electrode_bench.core.schema import FORMULA, ID, ION_CHARGE, PREDICTION_COLUMNS, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.evaluation import significance
from electrode_bench.evaluation.metrics import ALL, control_mae, score
from electrode_bench.features import redox
from electrode_bench.fitting.costs import mean_cpu_seconds
from electrode_bench.fitting.protocols import long_predictions
from electrode_bench.fitting.resources import measured
from electrode_bench.models.base import Model, Prediction, content_order, fit_predict
from electrode_bench.models.boosting import config as boosting
from electrode_bench.models.boosting.model import Boosting
from electrode_bench.models.boosting.trees import Trees
from electrode_bench.models.heads import Electrodes, Quantities
from electrode_bench.models.heads.quantities import EXACT_SHARE, FULL_CAPACITY
from electrode_bench.project import Project
from electrode_bench.report import drawing, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROTOCOL = "grouped"
#: Parameters of every model with an L1 loss. They are common values, not tuned ones, and the same in all steps.
L1 = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 5,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
}


class Config(boosting.Config):
    """Boosting's configuration, and the size of the models with an L1 loss."""

    l1_trees: PositiveInt = 500
    """Trees of each of them."""


class OneModelPerTarget:
    """LightGBM with an L1 loss on each of the reported targets."""

    def __init__(self, config: Config, seed: int) -> None:
        self.config, self.seed = config, seed
        self.trees_: list[Trees] = []

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        x, y = frame.to_numpy(dtype=np.float64), targets[list(TARGETS)].to_numpy(dtype=np.float64)
        order = content_order(x, y)
        self.trees_ = [
            _l1(x[order], y[order, i], trees=self.config.l1_trees, seed=derive(self.seed, target))
            for i, target in enumerate(TARGETS)
        ]
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        x = frame.to_numpy(dtype=np.float64)
        values = np.column_stack([trees.predict(x) for trees in self.trees_])
        return Prediction.of(values, None, index=frame.index, targets=list(TARGETS))

    def save(self, folder: Path) -> None:
        raise NotImplementedError


class WithoutHuber(Boosting):
    """Boosting whose density and voltage are learned with an L1 loss and the best splits."""

    config: Config

    def _fit_density(self, extended: np.ndarray, ratio: np.ndarray, x: np.ndarray) -> None:  # noqa: ARG002
        trees = self.config.l1_trees
        self.density_ = _l1(extended, ratio, trees=trees, seed=derive(self.seed, "density"))

    def _fit_voltage(self, x: np.ndarray, voltage: np.ndarray) -> None:
        trees = self.config.l1_trees
        self.voltage_ = _l1(x, voltage, trees=trees, seed=derive(self.seed, "voltage"))
        # Only errors are compared here, not standard deviations.
        self.voltage_error_ = Trees(None, 0.0)


class WithoutDistribution(WithoutHuber):
    """The same, with one number for the share, learned with an L1 loss that counts by the full capacity."""

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        super().fit(frame, targets)
        x, electrodes = frame.to_numpy(dtype=np.float64), Electrodes.of(frame)
        order = content_order(x, targets[list(TARGETS)].to_numpy(dtype=np.float64))
        share = Quantities.of(targets, electrodes).share
        weight = electrodes.full_capacity / electrodes.full_capacity.mean()
        trees, seed = self.config.l1_trees, derive(self.seed, "share")
        self.share_ = [_l1(x[order], share[order], trees=trees, seed=seed, weight=weight[order])]
        return self

    def _fit_share(self, x: np.ndarray, below: np.ndarray, electrodes: Electrodes) -> None:
        """Nothing: the ladder of thresholds is what this model is without."""

    def predict(self, frame: pd.DataFrame) -> Prediction:
        assert self.quantities_ is not None
        assert self.density_ is not None
        assert self.voltage_ is not None
        x, electrodes, scale = frame.to_numpy(dtype=np.float64), Electrodes.of(frame), self.quantities_
        additive = scale.additive.density(electrodes.fractions)
        extended = np.column_stack([x, scale.additive.volume_per_atom(electrodes.fractions), additive])
        learned = np.stack([self.density_.predict(extended), self.voltage_.predict(x)], axis=1)
        ratio, voltage = np.clip(learned, scale.scale.low, scale.scale.high).T
        density = np.clip(additive * np.exp(ratio), *scale.density)
        quantities = Quantities(self.share_[0].predict(x), density, voltage)
        return Prediction.of(quantities.targets(electrodes), None, index=frame.index, targets=list(TARGETS))


def _l1(x: np.ndarray, y: np.ndarray, *, trees: int, seed: int, weight: np.ndarray | None = None) -> Trees:
    return Trees.fit(x, y, objective="l1", trees=trees, seed=seed, options=L1, weight=weight)


@dataclass(frozen=True)
class Step:
    """One idea more than the step before.

    Attributes
    ----------
    label : for people.
    build : makes the unfitted model; None for a model of the package.
    columns : whether a column of the feature set `redox` is among the features; those of the composition always are.
    """

    name: str
    label: str
    build: Callable[[Any, int], Model] | None = None
    columns: Callable[[str], bool] = lambda _: True


_IONS = {f"{redox.PREFIX}ion {ion}" for ion in ION_CHARGE}

STEPS = (
    Step("composition", "LightGBM on composition", OneModelPerTarget, lambda _: False),
    Step("ion", "+ working ion", OneModelPerTarget, lambda name: name in _IONS),
    Step(
        "heads",
        "+ Faraday's law: learn share and density",
        WithoutDistribution,
        lambda name: name in {*_IONS, FULL_CAPACITY},
    ),
    Step("redox", "+ oxidation states", WithoutDistribution),
    Step("distribution", "+ share as a distribution", WithoutHuber),
    Step("boosting", "+ Huber loss, random splits (Boosting)"),
)
ENSEMBLE = Step("ensemble", "+ average with two networks (Ensemble)")


@dataclass(frozen=True)
class Measured:
    """A step's predictions (``schema.PREDICTION_COLUMNS``) on all folds, and its processor seconds per fold."""

    step: Step
    predictions: pd.DataFrame
    cpu_seconds: float


def measure(project: Project, config: Config, say: Callable[[str], None] = print) -> list[Measured]:
    """Fit the steps on the folds of a project.

    Parameters
    ----------
    config : boosting's configuration.
    say : is told what has been done.
    """
    folds = first_repeat(project.protocol_folds(PROTOCOL))
    spec = models.spec("boosting")
    frame, targets = project.training_data(spec.feature_set)
    if EXACT_SHARE in frame:
        raise SystemExit("the share is known where the charged formula is an input; set featurize.composition")
    seed, done = project.params().seed, []
    for step in STEPS:
        if step.build is None and project.paths.run(step.name, PROTOCOL).exists():
            found = _of_run(project, step, folds)
        else:
            own = frame[[c for c in frame if not str(c).startswith(redox.PREFIX) or step.columns(str(c))]]
            parts, seconds = [], []
            for fold in folds:
                with measured() as resources, threadpool_limits(1):
                    predicted = fit_predict(
                        replace(spec, name=step.name, build=step.build or spec.build),
                        config,
                        derive(seed, spec.name, PROTOCOL, fold.key),
                        frame=own,
                        targets=targets,
                        train_ids=fold.train_ids,
                        test_ids=fold.test_ids,
                    )
                parts.append(long_predictions(predicted.targets, fold, model=step.name, targets=targets))
                seconds.append(resources["cpu_seconds"])
            found = Measured(step, pd.concat(parts, ignore_index=True), float(np.mean(seconds)))
        say(f"{step.label}: {found.cpu_seconds:.1f} processor seconds per fold")
        done.append(found)
    if project.paths.run(ENSEMBLE.name, PROTOCOL).exists():
        done.append(_of_run(project, ENSEMBLE, folds))
    return done


def _of_run(project: Project, step: Step, folds: Sequence[Fold]) -> Measured:
    run, keys = project.run(step.name, PROTOCOL), [fold.key for fold in folds]
    predictions = run.predictions[run.predictions["fold"].isin(keys)]
    return Measured(step, predictions[list(PREDICTION_COLUMNS)], mean_cpu_seconds(project, run, keys))


def table(project: Project, steps: Sequence[Measured]) -> pd.DataFrame:
    """One row for each step and target.

    ``change`` is the SMAE minus that of the step before, with the 95% interval ``low`` to ``high`` that is resampled by
    discharged formula; ``p_holm`` is the p-value of the corrected t-test over folds, after Holm's correction for all
    rows; ``verdict`` is as everywhere (:func:`electrode_bench.evaluation.significance.verdict`).
    """
    folds = first_repeat(project.protocol_folds(PROTOCOL))
    electrodes, seed = project.table(), project.params().seed
    formulas = electrodes.set_index(ID)[FORMULA]
    overlap = float(np.mean([len(fold.test_ids) / len(set(fold.train_ids)) for fold in folds]))
    values = pd.concat([score(one.predictions, folds, electrodes) for one in steps])
    smae = values[(values["fold"] == ALL) & (values["metric"] == "smae")].set_index(["model", "target"])["value"]
    truth = electrodes.set_index(ID)[list(TARGETS)]
    rows = []
    for target in TARGETS:
        tested = [(truth.loc[list(f.test_ids), target], truth.loc[list(f.train_ids), target]) for f in folds]
        control = np.mean([control_mae(test.to_numpy(), train.to_numpy()) for test, train in tested])
        errors = significance.errors(pd.concat([o.predictions[o.predictions["target"] == target] for o in steps]))
        weight = significance.row_weights(errors.index)
        group = pd.Index(errors.index.get_level_values(ID)).map(formulas)
        changes: list[dict[str, Any]] = [{}] + [
            significance.pair(
                errors[after.step.name],
                errors[before.step.name],
                weight=weight,
                group=group,
                overlap=overlap,
                seed=derive(seed, "ablation", target, after.step.name),
            )
            for before, after in pairwise(steps)
        ]
        for one, change in zip(steps, changes, strict=True):
            scaled = {name: change.get(key, np.nan) / control for name, key in _SCALED.items()}
            about = {"step": one.step.name, "label": one.step.label, "target": target}
            row = {**about, "smae": smae[(one.step.name, target)], **scaled, "p": change.get("p", np.nan)}
            rows.append({**row, "cpu_seconds": one.cpu_seconds})
    frame = pd.DataFrame(rows)
    frame["p_holm"] = significance.holm(frame.pop("p").to_numpy())
    frame["verdict"] = [
        "" if np.isnan(low) else significance.verdict(low, high, p)
        for low, high, p in zip(frame["low"], frame["high"], frame["p_holm"], strict=True)
    ]
    return frame


#: Columns of the table that are an error divided by the control's.
_SCALED = {"change": "difference", "low": "low", "high": "high"}


def draw(steps: pd.DataFrame) -> Figure:
    """A stair from the first step down to the last, one panel per target."""
    labels = list(dict.fromkeys(steps["label"]))
    seconds = steps.drop_duplicates("label")["cpu_seconds"]
    height = np.arange(len(labels))
    figure = drawing.new_figure(8.4, 0.42 * len(labels) + 1.2)
    shared: Any = None
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        rows = steps[steps["target"] == target]
        axes = figure.add_subplot(1, len(TARGETS), i, sharey=shared)
        shared = shared or axes
        smae = rows["smae"].to_numpy()
        axes.step(smae, height, where="pre", color=style.GREY, linewidth=1)
        for y, row in zip(height, rows.to_dict("records"), strict=True):
            colour = {"better": style.COLOURS[0], "worse": style.COLOURS[3]}.get(row["verdict"], style.GREY)
            before = row["smae"] - row["change"]
            if y > 0:
                axes.hlines(y, before + row["low"], before + row["high"], color=colour, linewidth=3, alpha=0.4)
            axes.plot(row["smae"], y, "o", color=style.INK if y == 0 else colour, markersize=6)
            axes.annotate(
                f"{row['smae']:.3f}",
                (row["smae"], y),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )
        axes.set(title=column.label, xlabel="SMAE (0: no error)", yticks=height, ylim=(len(labels) - 0.5, -0.7))
        axes.margins(x=0.18)
        axes.tick_params(axis="y", length=0, labelleft=i == 1)
        axes.grid(axis="y", color=style.GRID)
        axes.set_axisbelow(True)
        drawing.open_axes(axes)
        axes.spines["left"].set_visible(False)
    shared.set_yticklabels([f"{label}\n{s:.0f} s" for label, s in zip(labels, seconds, strict=True)])
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=Path(), help="folder of the project")
    parser.add_argument("--out", type=Path, required=True, help="folder that the table and the figure are written to")
    parser.add_argument("--trees", type=int, default=500, help="trees of each model with an L1 loss")
    given = parser.parse_args()
    project = Project.open(given.project)
    values = project.params().models.get("boosting", {})
    result = table(project, measure(project, Config(**values, l1_trees=given.trees)))
    write_csv(result, given.out / "ablation.csv")
    drawing.save(lambda: draw(result), given.out / "ablation", synthetic=project.synthetic())
    print(result.drop(columns=["label"]).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
