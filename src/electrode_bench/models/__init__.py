"""Models: each is one module (or package) that assigns ``SPEC``, found by its name or by its module path."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import write_json
from electrode_bench.core.config import Strict, validate
from electrode_bench.core.registry import Registry
from electrode_bench.errors import UserError, nearest
from electrode_bench.models.base import Model, ModelSpec, Prediction
from electrode_bench.params import Params

__all__ = [
    "MODELS",
    "Model",
    "ModelSpec",
    "Prediction",
    "configure",
    "configured",
    "from_module",
    "listed",
    "load",
    "named",
    "save",
    "spec",
]

#: The models of this package by name.
MODELS: Registry[ModelSpec] = Registry("electrode_bench.models", "SPEC", kind="model")

#: Key of a model's values in params.yaml that names the module of a model from outside this package.
MODULE = "module"


def spec(name: str) -> ModelSpec:
    """The model of this package called ``name``; an unknown name is a UserError that has the nearest one."""
    return from_module(MODELS.module(name))


@lru_cache(maxsize=64)
def from_module(module: str) -> ModelSpec:
    """The model that a module defines as ``SPEC``; the module may lie outside this package.

    Raises
    ------
    UserError
        When there is no such module, or it defines no model.
    """
    try:
        found = getattr(importlib.import_module(module), "SPEC", None)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise UserError(f"the model {module} needs {error.name}, which is not installed") from error
        raise UserError(
            f"there is no Python module '{module}'; install it, or put its file into the project's folder"
        ) from error
    if not isinstance(found, ModelSpec):
        raise UserError(f"{module} defines no model: it must assign SPEC = ModelSpec(...)")
    return replace(found, module=module)


def named(name: str, params: Params) -> ModelSpec:
    """The model that params.yaml calls ``name``: of this package, or of the module that ``models.<name>`` names.

    Raises
    ------
    UserError
        When there is no such model, or its module calls it otherwise.
    """
    values = params.models.get(name) or {}
    if MODULE not in values:
        if name not in MODELS:
            others = [other for other in params.models if other != name]
            raise UserError(f"unknown model '{name}'; {nearest(name, {*MODELS.names, *others})}")
        return spec(name)
    found = from_module(str(values[MODULE]))
    if found.name != name:
        raise UserError(f"params.yaml, models.{name}: the model of {values[MODULE]} is called '{found.name}'")
    return found


def listed(params: Params) -> list[str]:
    """The models that the pipeline fits, in the order of params.yaml.

    Raises
    ------
    UserError
        When one is unknown.
    """
    if params.fit.models is None:
        return [name for name in MODELS.names if not spec(name).reference]
    for name in params.fit.models:
        named(name, params)
    return list(params.fit.models)


def configure(model: ModelSpec, values: Mapping[str, Any], *, where: str = "params.yaml") -> Strict:
    """``values`` (``models.<name>`` of params.yaml) as the model's own configuration."""
    own = {key: value for key, value in values.items() if key != MODULE} if isinstance(values, Mapping) else values
    return validate(model.config, own, where=f"{where}, models.{model.name}")


def configured(model: ModelSpec, params: Params) -> Strict:
    """The model's configuration in params.yaml; its defaults where params.yaml does not name it."""
    return configure(model, params.models.get(model.name) or {})


def save(model: Model, folder: Path, *, spec: ModelSpec, about: Mapping[str, Any]) -> None:
    """Write a fitted model into the existing empty ``folder``.

    ``about`` is kept in model.json and comes back from :func:`load`: what the model was trained on.
    """
    model.save(folder)
    write_json({"model": spec.name, "module": spec.module, **about}, folder / "model.json")


def load(folder: Path) -> tuple[Model, dict[str, Any]]:
    """A saved model and what it says about itself."""
    file = folder / "model.json"
    if not file.exists():
        raise UserError(f"{folder} holds no saved model: model.json is missing")
    about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return from_module(about["module"]).load(folder), about
