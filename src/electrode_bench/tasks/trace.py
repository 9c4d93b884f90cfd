"""From a number in a table back to the data, split, code and seed that it was made from; and the number made again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench import models
from electrode_bench.core.digests import digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.data import origin
from electrode_bench.errors import UserError, nearest
from electrode_bench.evaluation import metrics
from electrode_bench.exported import Exported
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.runs import Progress, fit_closure
from electrode_bench.project import Project
from electrode_bench.splits import headline_keys
from electrode_bench.tracking import provenance
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.records import adoptions_of, tuning_of

#: Largest difference between two numbers that count as equal: the digits that files keep.
_TOLERANCE = 1e-11


@dataclass(frozen=True)
class Number:
    """One number of ``results/compare/scores.csv``."""

    model: str
    protocol: str
    target: str
    metric: str
    fold: str
    """Key of the fold, or ``all``."""
    value: float
    """In the unit of the target, or without unit (see :func:`label`)."""
    spread: float
    """Standard deviation over folds; NaN for a single fold."""
    n: int
    """Test rows, counted once for each fold that tests them."""

    @property
    def label(self) -> str:
        """Name and unit of the metric, and the target's name."""
        metric, filtered = _metric(self.metric)
        unit = f" ({TARGETS[self.target].unit})" if metric.unit == "target" else ""
        return f"{metric.label}{' 2 sigma' if filtered else ''}{unit} of {TARGETS[self.target].label.lower()}"

    @property
    def meaning(self) -> str:
        """How the number is defined."""
        metric, filtered = _metric(self.metric)
        text = metric.meaning if self.fold == metrics.ALL else f"{metric.meaning} (here of one fold)"
        return f"{text}; {metrics.FILTERED_MEANING}" if filtered else text


@dataclass(frozen=True)
class Check:
    """Whether something that was recorded is found again."""

    what: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Trace:
    """A number with everything that it was made from."""

    number: Number
    run: Run
    sources: Mapping[str, Mapping[str, Any]]
    """Facts by section (predictions, folds, configuration, code, data, pipeline, MLflow), each by name."""

    def to_json(self) -> dict[str, Any]:
        return {"number": {**vars(self.number), "meaning": self.number.meaning}, **self.sources}


def trace(
    results: Project | Exported,
    *,
    model: str,
    protocol: str,
    target: str,
    metric: str = "smae",
    fold: str = metrics.ALL,
) -> Trace:
    """Find a number and what it was made from.

    Parameters
    ----------
    results : a project, or results that were exported from one.
    target : a key of ``schema.TARGETS``.
    metric : a key of ``evaluation.metrics.KEYS``.
    fold : key of a fold, or its number; ``all`` takes the value over folds.

    Raises
    ------
    UserError
        When there is no such number, or the results do not belong together.
    """
    for word, known, kind in ((target, TARGETS, "target"), (metric, metrics.KEYS, "metric")):
        if word not in known:
            raise UserError(f"unknown {kind} '{word}'; {nearest(word, known)}")
    scores = results.comparison("scores")
    for column, word in (("model", model), ("protocol", protocol)):
        if word not in set(scores[column]):
            raise UserError(f"the comparison has no {column} '{word}'; {nearest(word, scores[column].unique())}")
    run = results.run(model, protocol)
    chosen = scores.query("model == @model and protocol == @protocol and target == @target and metric == @metric")
    # The number of a fold is enough: 0 is fold-0.
    row = chosen[chosen["fold"].isin((fold, f"fold-{fold}"))]
    if row.empty:
        raise UserError(f"{run.name} has no fold '{fold}'; {nearest(fold, chosen['fold'])}")
    one = row.iloc[0]
    found = float(one["value"]), float(one["spread"]), int(one["n"])
    number = Number(model, protocol, target, metric, str(one["fold"]), *found)
    return Trace(number, run, _sources(results, run, number))


def verify(project: Project, traced: Trace) -> list[Check]:
    """Compute the number again from the stored predictions, whose digest is compared with the recorded one.

    The digests of folds and targets are compared whenever a run is read (:meth:`Project.run`).
    """
    run, number = traced.run, traced.number
    if run.predictions.empty:
        raise UserError(f"the predictions of {run.name} were not exported; --refit makes them again from the data")
    folds = project.protocol_folds(run.protocol)
    again = _value(metrics.score(run.predictions, folds, project.table()), number)
    return [
        Check("the predictions have the digest that was recorded", run.has_its_tables, run.digests.predictions),
        Check(
            f"the number from the run's {len(run.predictions):,} predictions",
            _equal(again, number.value),
            f"{again:.12g}",
        ),
    ]


def refit(
    project: Project, traced: Trace, *, executor: Executor = IN_PROCESS, progress: Progress | None = None
) -> list[Check]:
    """Fit the number's folds again, without any cache, with the recorded configuration and seed, and compare.

    Raises
    ------
    UserError
        When the model cannot be fitted here, or the project's data, folds or features are not those that were recorded.
    """
    run, number = traced.run, traced.number
    data = traced.sources["data"]
    wanted = f"{PurePath(str(data['source'])).name}, md5 {data['md5']}"
    steps = "copy the params.yaml of the results into this project, then run: dvc repro split"
    if not project.paths.table.exists():
        raise UserError(
            f"--refit needs the data in this project; run: electrode-bench data use FILE ({wanted}), {steps}"
        )
    if project.targets_digest() != run.digests.table:
        raise UserError(
            f"{run.name} was fitted on other data than this project has; "
            f"run: electrode-bench data use FILE ({wanted}), {steps}"
        )
    if project.split_digests().get(run.protocol) != run.digests.split:
        raise UserError(f"{run.name} was fitted on other folds than this project has; {steps}")
    spec = models.from_module(run.module)
    config = models.configure(spec, run.config, where=f"{run.name}, cell.json")
    folds = [fold for fold in project.protocol_folds(run.protocol) if number.fold in (metrics.ALL, fold.key)]
    frame, targets = project.training_data(run.feature_set)
    if digest_frame(frame.sort_index()) != run.digests.features:
        raise UserError(f"the features of {run.name} are not those that were recorded; run: dvc repro")
    with tempfile.TemporaryDirectory(prefix="electrode-bench-") as empty:
        again = fit_run(
            spec,
            config,
            folds,
            split_digest=run.digests.split,
            frame=frame,
            targets=targets,
            composition=run.composition,
            seed=run.seed,
            cache=Path(empty),
            executor=executor,
            progress=progress,
            member_frames={
                name: project.training_data(member.spec.feature_set)[0]
                for name, member in models.members_of(config).items()
            },
        )
    checks = _same_predictions(run, again, folds), _same_number(project, again, folds, number)
    return [check for check in checks if check is not None]


def _same_predictions(run: Run, again: Run, folds: list[Fold]) -> Check | None:
    """Whether the predictions are the same; None where those of before are not there, and nor is a digest of them."""
    what = f"{len(again.predictions):,} predictions of {len(folds)} fold{'s' * (len(folds) > 1)}, fitted again"
    if run.predictions.empty:
        # Only the digest of all folds together is known.
        if len(folds) < len(run.folds):
            return None
        found = again.digests.predictions
        return Check(f"the digest of {what}", found == run.digests.predictions, found)
    keys = [fold.key for fold in folds]
    of_before = run.predictions[run.predictions["fold"].isin(keys)].reset_index(drop=True)
    before, after = (
        frame.sort_values(["fold", "target", ID], ignore_index=True) for frame in (of_before, again.predictions)
    )
    same = digest_frame(before) == digest_frame(after)
    furthest = float(np.abs(before["y_pred"] - after["y_pred"]).max())
    return Check(what, same, "identical" if same else f"they differ by up to {furthest:.3g}")


def _same_number(project: Project, again: Run, folds: list[Fold], number: Number) -> Check:
    value = _value(metrics.score(again.predictions, folds, project.table()), number)
    return Check("the number from the folds that were fitted again", _equal(value, number.value), f"{value:.12g}")


def _value(scores: pd.DataFrame, number: Number) -> float:
    wanted = scores.set_index(["target", "metric", "fold"])["value"]
    return float(wanted.loc[(number.target, number.metric, number.fold)])


def _equal(one: float, other: float) -> bool:
    return bool(np.isclose(one, other, rtol=_TOLERANCE, atol=0, equal_nan=True))


def _metric(key: str) -> tuple[metrics.Metric, bool]:
    """A metric by its key, and whether the key is that of the filtered one."""
    filtered = key.endswith(metrics.FILTERED)
    name = key.removesuffix(metrics.FILTERED)
    return next(metric for metric in metrics.METRICS if metric.key == name), filtered


def _sources(results: Project | Exported, run: Run, number: Number) -> dict[str, dict[str, Any]]:
    root = results.root
    counted = headline_keys(run.protocol, run.training_sizes) if number.fold == metrics.ALL else [number.fold]
    where = {name: str(path.relative_to(root)) for name, path in _files(results, run).items() if path.is_file()}
    return {
        "predictions": {
            "file": where.get("predictions", "not exported"),
            "sha256": run.digests.predictions,
            "rows": len(run.predictions) or None,
        },
        "folds": {
            "file": where.get("folds", "not exported"),
            "sha256": run.digests.split,
            "counted": f"{len(counted)} of {len(run.folds)}",
            "seeds": {key: run.folds[key].seed for key in counted},
            "training_rows": {key: run.folds[key].n_train for key in counted},
            "test_rows": {key: run.folds[key].n_test for key in counted},
        },
        "configuration": {
            "file": where["record"],
            "sha256": run.digests.config,
            "root_seed": run.seed,
            "origin": _origin(results, run),
            "values": dict(run.config),
        },
        "code": {
            "sha256": run.digests.code,
            "unchanged_since_the_fit": fit_closure(models.from_module(run.module)).digest == run.digests.code,
            **(provenance.code_version() if isinstance(results, Project) else results.about()["code"]),
            "libraries": dict(run.versions),
        },
        "data": {
            **_data(results),
            "table": where.get("table", "not exported"),
            "targets_sha256": run.digests.table,
            "features": run.feature_set or "none",
            "features_sha256": run.digests.features,
        },
        "pipeline": {
            "stage": run.stage,
            "dvc_lock_entry_sha256": provenance.lock_entry_digest(root, run.stage) or "none yet; run: dvc repro",
        },
        **({"MLflow": _published(results, run)} if isinstance(results, Project) else {}),
    }


def _files(results: Project | Exported, run: Run) -> dict[str, Path]:
    paths = results.paths
    return {
        "predictions": paths.predictions(run.model, run.protocol),
        "record": paths.run(run.model, run.protocol),
        "folds": paths.folds,
        "table": paths.table,
    }


def _data(results: Project | Exported) -> dict[str, Any]:
    known = origin.provenance(results.root) if isinstance(results, Project) else results.about()["data"]
    return {key: value for key, value in known.items() if key in ("source", "md5", "release")}


#: What a state of a tuned configuration means (:meth:`electrode_bench.core.results.Adoption.state`).
_TUNED = {
    "edited": "values were changed after they were adopted",
    "other_data": "tuned on other data than these",
    "not_nested": "the study has seen rows that these folds test on",
}


def _origin(results: Project | Exported, run: Run) -> str:
    """Where the configuration comes from, in words."""
    tuned = tuning_of(results.adoption, run)
    if not tuned:
        return "params.yaml, not tuned"
    adoptions = adoptions_of(results.adoption, run).values()
    trials = "; ".join(f"trial {adoption.trial} of study {adoption.study}" for adoption in adoptions)
    return f"{trials}; tuned on {tuned['outer_fold']}; {_TUNED[tuned['state']]}"


def _published(project: Project, run: Run) -> dict[str, Any]:
    """The run in MLflow; empty but for a reason where it is not there or the store cannot be reached."""
    with suppress(UserError):
        runs = current_runs(project, uri=tracking_uri(project))
        own = runs[runs["run_digest"] == run.digests.run]
        if not own.empty:
            return {"run_id": own["run_id"].iloc[0], "page": own["url"].iloc[0]}
    return {"run_id": None, "reason": "not published here; run: electrode-bench publish"}
