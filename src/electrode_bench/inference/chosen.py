"""The model that answers: the one asked for or the best one, fitted on all rows, with calibrated intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from electrode_bench.core.schema import CONTROL
from electrode_bench.data import origin
from electrode_bench.errors import UserError, nearest
from electrode_bench.inference.catalogue import Catalogue
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor
from electrode_bench.project import Project

#: Yardsticks, not models of a composition.
_CONTROLS = (CONTROL, "faraday")


@dataclass(frozen=True)
class FittedModel:
    """A model fitted on all rows, which predicts new compositions.

    Attributes
    ----------
    name : the model's name in params.yaml.
    title : the model's name for people.
    protocol : the protocol whose errors the prediction intervals are taken from.
    synthetic : whether the model was fitted on the embedded synthetic sample.
    data : source, release and md5 of the data that the model was fitted on, as far as they are known.
    pretrained : whether it is the pre-trained model that the package brings along.
    """

    predictor: Predictor = field(repr=False)
    name: str
    title: str
    protocol: str
    synthetic: bool
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pretrained: bool = False


def choose(project: Project, *, model: str | None = None) -> FittedModel:
    """The model called ``model``, or the one with the smallest mean SMAE, fitted on all rows.

    It is fitted on the first call and then found in the cache.

    Raises
    ------
    UserError
        When the model was not fitted under a protocol that its intervals can be taken from.
    """
    catalogue = Catalogue(project)
    if model is None:
        model = catalogue.ranking[0]
    elif model not in catalogue.titles:
        raise UserError(f"'{model}' is not fitted under {catalogue.protocol}; {nearest(model, catalogue.titles)}")
    catalogue.fit(model)
    return _fitted(catalogue, model, data=_data(project))


def others(project: Project, chosen: FittedModel, *, fit: bool = False) -> tuple[list[FittedModel], list[str]]:
    """The other models of a project, best first, and the titles of those that are not yet fitted on all rows.

    The controls are left out: what they predict is the training mean, and the Faraday limit.

    Parameters
    ----------
    chosen : the model that is not among the others.
    fit : fit all of them on all rows, which may take hours.

    Raises
    ------
    UserError
        When the models were not compared.
    """
    catalogue, found, missing = Catalogue(project), [], []
    for name in catalogue.ranking:
        if name == chosen.name or name in _CONTROLS:
            continue
        if fit:
            catalogue.fit(name)
        if catalogue.entry(name).is_fitted:
            found.append(_fitted(catalogue, name, data=chosen.data, like=chosen.predictor))
        else:
            missing.append(catalogue.titles[name])
    return found, missing


def _fitted(catalogue: Catalogue, name: str, *, data: Mapping[str, Any], like: Predictor | None = None) -> FittedModel:
    """A model that is fitted; ``like`` is a predictor that knows the same electrodes."""
    entry = catalogue.entry(name)
    predictor = Predictor(
        FormulaModel(entry.folder),
        calibration=entry.calibration,
        domain=like.domain if like else catalogue.domain,
        known=like.known if like else catalogue.known,
    )
    return FittedModel(predictor, name, catalogue.titles[name], catalogue.protocol, catalogue.synthetic, data)


def _data(project: Project) -> dict[str, Any]:
    """Source, release and md5 of a project's data; nothing where there is no import of data."""
    try:
        known = origin.provenance(project.root)
    except UserError:
        return {}
    return {name: known[name] for name in ("source", "release", "md5")}
