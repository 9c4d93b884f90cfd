"""Which models there are: those of this package by name, and others by the module that params.yaml names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from electrode_bench.core.config import Strict, validate
from electrode_bench.core.registry import Registry
from electrode_bench.errors import UserError, nearest
from electrode_bench.models.base import EnsembleConfig, ModelSpec
from electrode_bench.models.module_path import extend_module_path
from electrode_bench.params import Params

#: The models of this package by name.
MODELS: Registry[ModelSpec] = Registry("electrode_bench.models", "SPEC", kind="model")

#: Key of a model's values in params.yaml that names the module of a model from outside this package.
MODULE = "module"


def spec(name: str) -> ModelSpec:
    """A model of this package; an unknown name is a UserError that suggests the nearest one."""
    return from_module(MODELS.module(name))


@lru_cache(maxsize=64)
def from_module(module: str) -> ModelSpec:
    """The model that a Python module assigns to ``SPEC``. The module may lie outside this package.

    Raises
    ------
    UserError
        When the module does not exist, cannot be imported, or does not define a model.
    """
    extend_module_path()
    if module.endswith(".py") or "/" in module or module.startswith("."):
        name = module.removesuffix(".py").replace("/", ".").strip(".")
        raise UserError(f"'{module}' is not the name of a module; write '{name}'")
    try:
        model = getattr(importlib.import_module(module), "SPEC", None)
    except ModuleNotFoundError as error:
        raise UserError(_not_found(module, error.name)) from error
    except UserError:
        raise
    except Exception as error:
        if module.startswith(f"{MODELS.package}."):
            raise
        what = " ".join(str(error).split())
        raise UserError(f"the module '{module}' cannot be imported: {type(error).__name__}: {what}") from error
    if not isinstance(model, ModelSpec):
        raise UserError(f"the module '{module}' does not define a model: it must assign SPEC = ModelSpec(...)")
    return replace(model, module=module)


def _not_found(module: str, missing: str | None) -> str:
    """Why ``module`` was not imported, when ``missing`` was not found."""
    if missing is not None and module != missing and not module.startswith(f"{missing}."):
        return f"the module '{module}' needs {missing}, which is not installed"
    return f"there is no Python module '{module}'; install it, or put its file into the project's folder"


def named(name: str, params: Params) -> ModelSpec:
    """The model that params.yaml calls ``name``: of this package, or of the module that ``models.<name>`` names.

    Raises
    ------
    UserError
        When there is no such model, or its module gives it another name.
    """
    values = params.models.get(name) or {}
    if MODULE not in values:
        if name not in MODELS:
            others = [other for other in params.models if other != name]
            raise UserError(
                f"unknown model '{name}'; {nearest(name, {*MODELS.names, *others})} "
                f"(a model from outside is named by its module: models.{name}.{MODULE} in params.yaml)"
            )
        return spec(name)
    where, module = f"params.yaml, models.{name}.{MODULE}", values[MODULE]
    if not isinstance(module, str):
        raise UserError(f"{where} must be the name of a Python module (got {module!r})")
    if name in MODELS:
        raise UserError(f"{where}: '{name}' is a model of electrode-bench; give yours another name")
    try:
        model = from_module(module)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if model.name != name:
        raise UserError(f"{where}: the model of '{module}' is called '{model.name}'; use that name in params.yaml")
    return model


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
    """``values`` (``models.<name>`` of params.yaml) as the model's own configuration; a wrong one is a UserError."""
    own = {key: value for key, value in values.items() if key != MODULE} if isinstance(values, Mapping) else values
    return validate(model.config, own, where=f"{where}, models.{model.name}")


def configured(model: ModelSpec, params: Params) -> Strict:
    """The model's configuration in params.yaml; its defaults when params.yaml does not configure it.

    That of an ensemble contains those of its members.

    Raises
    ------
    UserError
        When a value is wrong, or a member of an ensemble cannot be one.
    """
    config = configure(model, params.models.get(model.name) or {})
    return _with_configurations(model, config, params) if isinstance(config, EnsembleConfig) else config


def _with_configurations(model: ModelSpec, config: EnsembleConfig, params: Params) -> EnsembleConfig:
    where = f"params.yaml, models.{model.name}"
    if config.configurations:
        raise UserError(f"{where}.configurations is taken from models.<member>; remove it")
    configurations = {}
    for name in config.members:
        try:
            member = named(name, params)
        except UserError as error:
            raise UserError(f"{where}.members: {error}") from error
        if member.is_ensemble:
            raise UserError(f"{where}.members: '{name}' is an ensemble itself; name its members instead")
        if member.reference:
            raise UserError(f"{where}.members: '{name}' is a published package, which cannot be a member")
        outside = {MODULE: member.module} if name not in MODELS else {}
        configurations[name] = outside | configured(member, params).model_dump(mode="json")
    return config.model_copy(update={"configurations": configurations})
