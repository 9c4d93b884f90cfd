"""sweep score: what tuning changed, on rows that no trial has seen or on all folds of a protocol."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import plain, write_csv, write_table
from electrode_bench.core.config import Strict
from electrode_bench.core.folds import first_repeat
from electrode_bench.core.schema import FORMULA, ID, PREDICTION_COLUMNS
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.runs import Progress
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.tracking.store import open_store
from electrode_bench.tracking.studies import log_score
from electrode_bench.tuning import looks
from electrode_bench.tuning.assess import HELD_OUT, NESTED, NOT_NESTED, Comparison, compare
from electrode_bench.tuning.plan import studies_like
from electrode_bench.tuning.record import make_record, read_record, write_record
from electrode_bench.tuning.storage import load_study, storage_url, study_names
from electrode_bench.tuning.stored_study import StoredStudy, StoredTrial
from electrode_bench.tuning.study import StudySpec


@dataclass(frozen=True)
class Score:
    """A comparison of the tuned with the configured configuration, and what it may claim."""

    study: str
    model: str
    title: str
    trial: int
    #: held_out, nested or not_nested (``tuning.assess``).
    claim: str
    protocol: str
    folds: tuple[str, ...]
    comparison: Comparison
    #: Other trials that the held-out rows were used to test before, when they are among the rows of this comparison.
    before: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        about = {key: getattr(self, key) for key in ("study", "model", "trial", "claim", "protocol", "folds")}
        rows = self.comparison.rows.to_dict("records")
        return dict(plain({**about, "before": list(self.before), "rows": rows}))


def run(
    project: Project,
    params: Params,
    *,
    study: str,
    storage: str | None = None,
    trial: int | None = None,
    protocol: str | None = None,
    nested: bool = False,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> Score:
    """Compare a study's tuned and configured configuration, and keep the score with the study and in MLflow.

    Parameters
    ----------
    trial : the one that counts as tuned; None takes the best.
    protocol : compare on all folds of this protocol, most of which the study saw; None takes the fold that it did not
        see.
    nested : compare on every outer fold, each with the best trial of its own study. Of repeated folds, the first
        repeat is used.

    Raises
    ------
    UserError
        When a study or trial is missing, or was made with other data, folds or code than the project has.
    """
    if nested and (protocol is not None or trial is not None):
        raise UserError("--nested takes each study's best trial on its own fold: leave out --protocol and --trial")
    url = storage_url(project, storage)
    stored = load_study(url, study, must_exist=storage is not None)
    chosen, specs = stored.choose(trial), studies_like(project, params, stored)
    own = specs[stored.outer]
    own_protocol, _, own_fold = stored.outer.partition("/")
    folds = project.protocol_folds(protocol or own_protocol)
    # The study that tuned each fold's configuration, and its trial.
    tuned: dict[str, tuple[StoredStudy, StoredTrial]]
    if nested:
        claim, folds = NESTED, first_repeat(folds)
        tuned = {fold.key: _best_of(specs[f"{own_protocol}/{fold.key}"], url=url) for fold in folds}
    elif protocol is None:
        claim, folds = HELD_OUT, tuple(fold for fold in folds if fold.key == own_fold)
        tuned = {fold.key: (stored, chosen) for fold in folds}
    else:
        claim, tuned = NOT_NESTED, {fold.key: (stored, chosen) for fold in folds}
    frame, targets = project.training_data(own.model.feature_set)
    comparison = compare(
        own.model,
        {key: _configurations(own, *pair) for key, pair in tuned.items()},
        folds,
        frame=frame,
        targets=targets,
        formulas=project.table().set_index(ID)[FORMULA],
        seed=own.seed,
        cache=project.paths.cache,
        executor=executor,
        progress=progress,
    )
    score = Score(
        study, own.model.name, own.model.title, chosen.number, claim, folds[0].protocol,
        tuple(fold.key for fold in folds), comparison,
    )  # fmt: skip
    # The other studies of a nested comparison had their held-out rows tested too.
    others = [(other, best) for other, best in tuned.values() if other.name != study]
    scores = [_kept(project, each, score, number=best.number) for each, best in [*others, (stored, chosen)]]
    score = scores[-1]
    _publish(project, stored, score)
    return score


def _configurations(own: StudySpec, study: StoredStudy, trial: StoredTrial) -> tuple[Strict, Strict]:
    return own.base, study.configuration(trial)


def _best_of(spec: StudySpec, *, url: str) -> tuple[StoredStudy, StoredTrial]:
    """The study of an outer fold and its best trial."""
    if spec.name not in study_names(url):
        raise UserError(
            f"there is no study of {spec.outer.name} like the one named; make all of them with: "
            f"electrode-bench sweep {spec.model.name} --nested"
        )
    study = load_study(url, spec.name)
    return study, study.choose(None)


def _kept(project: Project, study: StoredStudy, score: Score, *, number: int) -> Score:
    """The score as that of a study and its trial, kept with the study and in its record if the study was adopted."""
    earlier: tuple[int, ...] = ()
    if looks.is_look(score.as_json(), study.outer):
        looked_at = looks.trials_looked_at(looks.scores_of(study), study.outer)
        earlier = tuple(trial for trial in looked_at if trial != number)
    own = Score(
        study.name, score.model, score.title, number, score.claim, score.protocol, score.folds, score.comparison,
        earlier,
    )  # fmt: skip
    looks.keep_score(study, own.as_json())
    path = project.paths.study_record(score.model)
    record = read_record(path)
    if record is not None and record["study"] == study.name:
        write_record(make_record(study, adopted=record["adopted"], data=record["data"]), path)
    return own


def _publish(project: Project, study: StoredStudy, score: Score) -> None:
    with open_store(project, again="the same command again") as store, tempfile.TemporaryDirectory() as temporary:
        folder, about = Path(temporary), score.as_json()
        name = looks.score_name(about)
        write_csv(score.comparison.rows, folder / f"{name}.csv")
        write_table(score.comparison.predictions, folder / f"{name}_predictions.parquet", PREDICTION_COLUMNS)
        log_score(store, study, about, folder=folder)
