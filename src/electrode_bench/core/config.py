"""Strict configuration: a wrong key or value is one clear line, never a silent default."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from electrode_bench.errors import UserError, nearest

M = TypeVar("M", bound=BaseModel)

#: ``json_schema_extra`` of a field that the program fills in: it is not explained as a key of params.yaml.
INTERNAL: dict[str, JsonValue] = {"internal": True}


class Strict(BaseModel):
    """Refuses unknown keys and cannot be changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


def validate(model: type[M], values: Any, *, where: str) -> M:
    """``values`` as a ``model``.

    Raises
    ------
    UserError
        One line about the first fault: where it is, what is wrong, and for an unknown key the nearest valid one.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where} must be a mapping of keys to values, but is {type(values).__name__}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # A misspelt key is also a missing one: the misspelling is what the user can see.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = _short(".".join(map(str, first["loc"])), 100)
        if first["type"] == "extra_forbidden":
            known = _fields_at(model, first["loc"][:-1])
            raise UserError(f"{where}: unknown key '{key}'; {nearest(str(first['loc'][-1])[:100], known)}") from None
        if first["type"] == "missing":
            raise UserError(f"{where}: the key '{key}' is missing") from None
        message = first["msg"].removeprefix("Value error, ")
        got = _short(repr(first["input"]), 200)
        raise UserError(f"{where}: {key + ': ' if key else ''}{message} (got {got})") from None


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def explain(values: BaseModel, *, prefix: str = "") -> list[dict[str, Any]]:
    """Every key below ``values`` with its value and meaning, in the order of params.yaml."""
    rows: list[dict[str, Any]] = []
    for name, field in type(values).model_fields.items():
        if field.json_schema_extra == INTERNAL:
            continue
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            rows += explain(value, prefix=f"{prefix}{name}.")
        else:
            shown = values.model_dump(mode="json")[name]
            rows.append({"key": prefix + name, "value": shown, "meaning": " ".join((field.description or "").split())})
    return rows
