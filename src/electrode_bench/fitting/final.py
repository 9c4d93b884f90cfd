"""The model of a run fitted on all rows: what predicts new compositions and is published."""

from __future__ import annotations

from pathlib import Path

from electrode_bench import models
from electrode_bench.core.digests import digest
from electrode_bench.core.results import Run
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.features import has_atomic_packing
from electrode_bench.fitting.fold_cache import new_folder, remove_abandoned
from electrode_bench.fitting.runs import data_digests, identity
from electrode_bench.project import Project


def final_model(project: Project, run: Run) -> Path | None:
    """Folder of the run's model fitted on all rows; fitted once, then found in the cache.

    It belongs to no protocol: its seed is derived from the model's name alone. What it was made from is in its
    model.json. None for a published package: another fit would take hours, and it loads only where its environment is.

    Raises
    ------
    UserError
        When the features or the table are no longer those that the run was fitted on.
    """
    spec = models.from_module(run.module)
    if spec.reference:
        return None
    config = models.configure(spec, run.config, where="cell.json")
    frame, targets = project.training_data(spec.feature_set)
    digests = data_digests(frame, targets)
    if digests != {"features": run.digests.features, "table": run.digests.table}:
        raise UserError(f"{run.name} was fitted on other data; run: dvc repro {run.stage}")
    about = {
        "title": spec.title,
        "composition": run.composition,
        "feature_set": spec.feature_set,
        # How the features were made: a served model makes its own.
        "atomic_packing": has_atomic_packing(frame),
        # A feature that is missing for a new composition only is something that the model has not learned.
        "missing_in_training": [str(column) for column in frame.columns[frame.isna().any()]],
        "config": dict(run.config),
        "seed": run.seed,
        "rows": len(frame),
        "digests": digests,
        "synthetic": project.synthetic(),
    }
    own = derive(run.seed, spec.name, "all rows")
    cache = project.paths.cache / "models"
    folder = cache / digest([*identity(spec, config, frame=frame, targets=targets), own, about])
    remove_abandoned(cache)
    if not (folder / "model.json").exists():
        frame = frame.sort_index()
        model = spec.build(config, own).fit(frame, targets.loc[frame.index])
        with new_folder(folder) as temporary:
            models.save(model, temporary, spec=spec, about=about)
    return folder
