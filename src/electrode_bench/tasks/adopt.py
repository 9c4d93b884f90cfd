"""sweep adopt: a trial's configuration into params.yaml."""

from __future__ import annotations

from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.tuning.adopt import Adopted, adopt_trial
from electrode_bench.tuning.plan import studies_like
from electrode_bench.tuning.storage import load_study, storage_url
from electrode_bench.tuning.trial import reevaluate


def run(
    project: Project,
    params: Params,
    *,
    study: str,
    storage: str | None = None,
    trial: int | None = None,
    anyway: bool = False,
) -> Adopted:
    """Write the configuration of a study's best trial (or of ``trial``) into params.yaml, comments kept.

    Raises
    ------
    UserError
        When there is no such study or trial, or the model has no such parameters any more; and unless ``anyway``, when
        `sweep score` found the trial significantly worse, or the record of a study of other data would be replaced.
    """
    stored = load_study(storage_url(project, storage), study, must_exist=storage is not None)
    return adopt_trial(project, params, stored, stored.choose(trial), anyway=anyway)


def check(
    project: Project, params: Params, *, study: str, storage: str | None = None, trial: int | None = None
) -> tuple[float, float]:
    """(stored, new) value of a trial, the new one from new fits; needs the project as it was for the study."""
    stored = load_study(storage_url(project, storage), study, must_exist=storage is not None)
    chosen = stored.choose(trial)
    return chosen.result.values[0], reevaluate(studies_like(project, params, stored)[stored.outer], chosen)
