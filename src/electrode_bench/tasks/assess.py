"""sweep score: what tuning brought on rows that were not tuned on, or on all folds of a protocol."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electrode_bench import splits
from electrode_bench.core.artifacts import plain, write_csv, write_table
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID, PREDICTION_COLUMNS
from electrode_bench.errors import UserError
from electrode_bench.fitting import runs as runner
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.params import Params
from electrode_bench.project import Layout, read_table
from electrode_bench.stages import fit
from electrode_bench.tasks import tune as stage
from electrode_bench.tracking import studies as sweep_tracking
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning import record
from electrode_bench.tuning import record_file as sweep_record
from electrode_bench.tuning.assess import HELD_OUT, NESTED, NOT_NESTED, Comparison, compare, subject

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True)
class Scored:
    """What was compared, and what may be said of it."""

    study: str
    model: str
    title: str
    trial: int
    #: held_out, nested or not_nested (see sweep.score).
    claim: str
    protocol: str
    folds: tuple[str, ...]
    comparison: Comparison
    #: Other trials of the study that rows which no trial has seen were looked at for.
    before: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """What it is of, in names of metrics."""
        return subject(self.claim, self.protocol)

    def as_json(self) -> dict[str, Any]:
        rows = self.comparison.rows.to_dict("records")
        about = {k: getattr(self, k) for k in ("study", "model", "trial", "claim", "protocol", "folds")}
        return dict(plain({**about, "before": list(self.before), "rows": rows}))


def run(
    layout: Layout,
    params: Params,
    *,
    study: str,
    storage: str | None = None,
    trial: int | None = None,
    protocol: str | None = None,
    nested: bool = False,
    executor: Executor = IN_PROCESS,
    progress: runner.Progress | None = None,
) -> Scored:
    """Compare a study's configured and tuned configuration, and keep the outcome with the study and in MLflow.

    Parameters
    ----------
    trial : the one that counts as tuned; None takes the best.
    protocol : compare on all of its folds, most of which the study saw; None takes the fold that it did not see.
    nested : compare on every outer fold, each with the best trial of its own study.

    Raises
    ------
    UserError
        When a study or trial is missing, or was made with other data, folds or code than are here.
    """
    if nested and (protocol is not None or trial is not None):
        raise UserError("--nested takes each study's best trial on its own fold: leave out --protocol and --trial")
    loaded, chosen = stage.found(layout, study=study, storage=storage, trial=trial)
    alike = {s.part.name: s for s in stage.settings_like(layout, params, loaded)}
    own = next(s for s in alike.values() if s.name == study)
    spec, of_part = own.spec, own.part.name.partition("/")
    where = splits.known(protocol or of_part[0])
    folds = splits.read_folds(layout.folds)[where]
    tuned = stage.configuration_of(loaded, chosen)
    if nested:
        claim, best = NESTED, {}
        for fold in folds:
            sibling = stage.found(
                layout, study=_sibling(alike, where, fold, layout, storage), storage=storage, trial=None
            )
            best[fold.key] = (own.base, stage.configuration_of(*sibling))
    elif protocol is None:
        claim, folds = HELD_OUT, tuple(f for f in folds if f.key == of_part[2])
        best = {f.key: (own.base, tuned) for f in folds}
    else:
        claim, best = NOT_NESTED, {f.key: (own.base, tuned) for f in folds}
    frame, targets = fit.inputs(layout, spec)
    table = read_table(layout.table, stage="prepare").set_index(ID)
    found = compare(
        spec, best, folds, frame=frame, targets=targets, formulas=table[FORMULA], seed=own.seed, cache=layout.cache,
        executor=executor, progress=progress,
    )  # fmt: skip
    looked = [s for s in record.scores(loaded) if s["claim"] == claim != NOT_NESTED]
    before = tuple(sorted(sweep_record.looked_for(looked) - {chosen.number}))
    scored = Scored(
        study, spec.name, spec.title, chosen.number, claim, where, tuple(f.key for f in folds), found, before
    )  # fmt: skip
    record.keep(loaded, scored.as_json())
    _record(layout, loaded)
    _publish(layout, loaded, scored)
    return scored


def _sibling(alike: dict[str, Any], protocol: str, fold: Fold, layout: Layout, storage: str | None) -> str:
    """Name of the study of this outer fold."""
    import optuna

    from electrode_bench.tuning.storage import storage as opened

    setting = alike[f"{protocol}/{fold.key}"]
    if setting.name not in optuna.get_all_study_names(opened(stage.storage_url(layout, storage))):
        raise UserError(
            f"no study of {setting.part.name} like the one named; make all of them with: "
            f"electrode-bench sweep {setting.spec.name} --nested"
        )
    return str(setting.name)


def _record(layout: Layout, study: Study) -> None:
    """Bring the project's record of the study up to date, where it is the one that was adopted."""
    path = layout.sweep_record(str(study.user_attrs["identity"]["model"]))
    known = sweep_record.read(path)
    if known is not None and known["study"] == study.study_name:
        sweep_record.write(record.of(study, adopted=known["adopted"], data=known["data"]), path)


def _publish(layout: Layout, study: Study, scored: Scored) -> None:
    with (
        open_store(layout, again=stage.AGAIN) as store,
        tempfile.TemporaryDirectory() as temporary,
    ):
        folder, about = Path(temporary), scored.as_json()
        name = record.score_name(about)
        write_csv(scored.comparison.rows, folder / f"{name}.csv")
        write_table(scored.comparison.predictions, folder / f"{name}_predictions.parquet", PREDICTION_COLUMNS)
        sweep_tracking.score(store, study, about, key=scored.key, folder=folder)
