"""The registry: every model by name. A new model is one file and one line here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from electrode_bench.core.artifacts import write_json
from electrode_bench.errors import UserError, nearest
from electrode_bench.models import control, crabnet_upstream, modnet_upstream, rf_magpie
from electrode_bench.models.base import Model, ModelSpec, Prediction
from electrode_bench.models.crabnet import model as crabnet
from electrode_bench.models.modnet import model as modnet
from electrode_bench.params import Adopted, Strict, validate

__all__ = ["REGISTRY", "Model", "ModelSpec", "Prediction", "configure", "load", "save", "spec"]

REGISTRY: Mapping[str, ModelSpec] = MappingProxyType(
    {
        s.name: s
        for s in (control.SPEC, rf_magpie.SPEC, modnet.SPEC, crabnet.SPEC, modnet_upstream.SPEC, crabnet_upstream.SPEC)
    }
)

#: Key of a model's configuration that says where it comes from, and is no part of it.
ADOPTED = "adopted"

#: The model that all others are measured against.
CONTROL = control.SPEC.name


def spec(name: str) -> ModelSpec:
    """The model called ``name``; an unknown name is a UserError that tells the nearest known one."""
    if name not in REGISTRY:
        raise UserError(f"unknown model '{name}'; {nearest(name, REGISTRY)}")
    return REGISTRY[name]


def configure(name: str, values: dict[str, Any], *, where: str = "params.yaml") -> Strict:
    """``values`` (``models.<name>`` of params.yaml) as the model's own configuration."""
    adopted(name, values, where=where)
    own = {key: value for key, value in values.items() if key != ADOPTED} if isinstance(values, dict) else values
    return validate(spec(name).config, own, where=f"{where}, models.{name}")


def adopted(name: str, values: dict[str, Any], *, where: str = "params.yaml") -> Adopted | None:
    """The trial of a sweep that ``values`` come from; None where no sweep found them."""
    if not isinstance(values, dict) or values.get(ADOPTED) is None:
        return None
    return validate(Adopted, values[ADOPTED], where=f"{where}, models.{name}.{ADOPTED}")


def save(model: Model, folder: Path, *, name: str, about: Mapping[str, Any]) -> None:
    """Write a fitted model into the existing empty ``folder``.

    ``about`` is kept in model.json and comes back from :func:`load`: what the model was trained on.
    """
    model.save(folder)
    write_json({"model": name, **about}, folder / "model.json")


def load(folder: Path) -> tuple[Model, dict[str, Any]]:
    """A saved model and what it says about itself."""
    file = folder / "model.json"
    if not file.exists():
        raise UserError(f"{folder} holds no saved model: model.json is missing")
    about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return spec(about["model"]).load(folder), about
