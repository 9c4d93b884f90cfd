"""Which model answers: the project's own if its data are real, otherwise the pre-trained one."""

from __future__ import annotations

from electrode_bench.errors import UserError
from electrode_bench.inference import pretrained
from electrode_bench.inference.chosen import FittedModel, choose
from electrode_bench.project import Project


def answering(project: Project | None, *, model: str | None = None, own: bool = False) -> FittedModel:
    """The model that answers.

    Parameters
    ----------
    project : None where there is no project.
    model : its name; a model of the project if there is a project, otherwise that of the pre-trained one.
    own : take a model of the project, whatever its data are.

    Raises
    ------
    UserError
        When the project has to answer and has no such model.
    """
    if project is not None and (own or model is not None or has_real_results(project)):
        return choose(project, model=model)
    if own:
        raise UserError("there is no project in this folder, so it has no models of its own")
    chosen = pretrained.load()
    if model is not None and model != chosen.name:
        raise UserError(f"'{model}' needs a project; the pre-trained model is {chosen.name}")
    return chosen


def has_real_results(project: Project) -> bool:
    """Whether models were fitted and compared on other data than the embedded sample."""
    return project.paths.comparison_inputs.exists() and not project.synthetic()
