"""The model that answers: the one asked for or the best one, fitted on all rows, with calibrated intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

from electrode_bench import models
from electrode_bench.errors import UserError, nearest
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.evaluation.scores import best_model
from electrode_bench.fitting.final import final_model
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor
from electrode_bench.project import Project
from electrode_bench.splits import NEW_COMPOSITION, for_new_compositions


@dataclass(frozen=True)
class FittedModel:
    """A model fitted on all rows, which predicts new compositions.

    Attributes
    ----------
    name : the model's name in params.yaml.
    title : the model's name for people.
    protocol : the protocol whose errors the prediction intervals are taken from.
    synthetic : whether the model was fitted on the embedded synthetic sample.
    """

    predictor: Predictor = field(repr=False)
    name: str
    title: str
    protocol: str
    synthetic: bool


def choose(project: Project, *, model: str | None = None) -> FittedModel:
    """The model called ``model``, or the one with the smallest mean SMAE, fitted on all rows.

    It is fitted on the first call and then found in the cache.

    Raises
    ------
    UserError
        When the model was not fitted under a protocol that its intervals can be taken from.
    """
    runs = [run for run in project.runs() if not models.from_module(run.module).reference]
    protocol = for_new_compositions(run.protocol for run in runs)
    if protocol is None:
        raise UserError(f"no model is fitted under {' or '.join(NEW_COMPOSITION)} folds; run: dvc repro")
    fitted = {run.model: run for run in runs if run.protocol == protocol}
    if model is None:
        model = best_model(project.comparison("scores"), protocol, fitted)
        if model is None:
            raise UserError(f"no model other than the control is compared under {protocol}; run: dvc repro")
    elif model not in fitted:
        raise UserError(f"'{model}' is not fitted under {protocol}; {nearest(model, fitted)}")
    run = fitted[model]
    folder = final_model(project, run)
    assert folder is not None
    calibration = Calibration.from_json(project.calibration(model))
    predictor = Predictor(FormulaModel(folder), table=project.table(), calibration=calibration)
    return FittedModel(predictor, model, run.title, protocol, project.synthetic())
