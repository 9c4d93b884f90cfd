"""promote: the best model, fitted on all rows, into MLflow's registry, if it beats the control."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.results import stage_of
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.evaluation.scores import best_model
from electrode_bench.project import Project
from electrode_bench.report import model_card
from electrode_bench.splits import NEW_COMPOSITION
from electrode_bench.tracking import provenance, registry
from electrode_bench.tracking.publish import publish_run


@dataclass(frozen=True)
class Promoted:
    """A promoted model and its model card."""

    champion: registry.Champion
    model: str
    title: str
    protocol: str
    card: str
    synthetic: bool
    not_significant: tuple[str, ...]
    """Targets for which the difference from the control is not significant (see evaluation.significance.verdict)."""


def run(project: Project, *, protocol: str = NEW_COMPOSITION[0], model: str | None = None) -> Promoted:
    """Promote ``model``, or the one with the smallest mean SMAE under ``protocol``.

    Raises
    ------
    UserError
        When the protocol is unknown, the model is not fitted, or it does not beat the control (see
        :func:`require_better_than_control`).
    """
    splits.protocol(protocol)
    runs = {run.model: run for run in project.runs(protocol)}
    if model is None:
        # A published package is compared, but has no model of all rows.
        with_model = [name for name, run in runs.items() if not models.from_module(run.module).reference]
        model = best_model(project.comparison("scores"), protocol, with_model)
        if model is None:
            raise UserError(f"no model but the control is compared under {protocol}; run: dvc repro")
    elif model not in runs:
        raise UserError(f"'{model}' is not fitted under {protocol}; run: dvc repro {stage_of(model)}")
    run, pairs = runs[model], project.comparison("pairs")
    against_control = require_better_than_control(pairs, model=model, protocol=protocol)
    published, source = publish_run(project, run), provenance.of(project)
    card = model_card.markdown(
        run,
        rows=len(project.table()),
        headline=project.comparison("table").query("model == @model"),
        against_control=against_control,
        calibration=Calibration.from_json(project.calibration(model)),
        data=source.data,
        commit=source.commit,
    )
    tags = {
        "model": model,
        "protocol": protocol,
        "synthetic": str(source.synthetic).lower(),
        "run_digest": run.digests.run,
        "content_digest": published.content_digest,
    }
    champion = registry.register(project, run_id=published.run_id, card=card, tags=tags)
    labels = model_card.not_significant(against_control)
    return Promoted(champion, model, run.title, protocol, card, source.synthetic, labels)


def require_better_than_control(pairs: pd.DataFrame, *, model: str, protocol: str) -> pd.DataFrame:
    """The model's pairs with the control, one row per target.

    Parameters
    ----------
    pairs : ``results/compare/pairs.csv``.

    Raises
    ------
    UserError
        When the 95% interval of the difference in MAE is not below zero for every target, or there is none.
    """
    if model == CONTROL:
        raise UserError("the control is what a champion has to beat; name another model")
    rows = pairs[(pairs["protocol"] == protocol) & (pairs["model"] == model) & (pairs["other"] == CONTROL)]
    rows = rows.set_index("target").reindex(list(TARGETS))
    if rows["difference"].isna().any():
        raise UserError(f"results/compare/pairs.csv does not have {model} under {protocol}; run: dvc repro compare")
    failed = [
        f"{TARGETS[str(target)].label}, {row['low']:.4g} to {row['high']:.4g} {TARGETS[str(target)].unit}"
        for target, row in rows.iterrows()
        if not row["high"] < 0
    ]
    if failed:
        raise UserError(
            f"{model} is not promoted: under {protocol} the 95% interval of its MAE minus the control's "
            f"is not below 0 for {'; '.join(failed)}"
        )
    return rows.reset_index()
