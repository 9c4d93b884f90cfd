"""Saved models: a folder with the model's own files, and ``model.json``, which says what it is and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import write_json
from electrode_bench.errors import UserError
from electrode_bench.models.base import Model, ModelSpec
from electrode_bench.models.registry import from_module

_FILE = "model.json"


def save(model: Model, folder: Path, *, spec: ModelSpec, about: Mapping[str, Any]) -> None:
    """Write a fitted model into the existing empty ``folder``.

    Parameters
    ----------
    about : what the model was trained on; it is kept in model.json and returned by :func:`load`.

    Raises
    ------
    CannotSave
        When the model cannot be saved without pickle.
    """
    model.save(folder)
    write_json({"model": spec.name, "module": spec.module, **about}, folder / _FILE)


def load(folder: Path) -> tuple[Model, dict[str, Any]]:
    """A saved model, and the content of its model.json.

    Raises
    ------
    UserError
        When the folder does not hold a saved model, or the module that defines the model cannot be imported.
    """
    file = folder / _FILE
    if not file.exists():
        raise UserError(f"{folder} holds no saved model: {_FILE} is missing")
    about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return spec_of(about).load(folder), about


def spec_of(about: Mapping[str, Any]) -> ModelSpec:
    """The model that the content of a model.json names."""
    return from_module(about["module"])
