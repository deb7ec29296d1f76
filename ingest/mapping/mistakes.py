"""Mistakes in a mapping file, each with its key and with what is allowed there."""

import difflib
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

_MOST: Final = 20


def told(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each mistake in what should have been a `model`."""
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST]:
        key = ".".join(map(str, one["loc"]))
        said = _said(one, model)
        found.append(f"{key}: {said}" if key else said)
    return found


def _said(one: Any, model: type[BaseModel]) -> str:
    kind, path, message = one["type"], one["loc"], str(one["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"there is no such key; {_allowed(path, model)}"
    if kind == "missing":
        return "this is missing" + (
            ", and a call has a time: name its column" if path[-1] == "occurred_at" else ""
        )
    return message[:1].lower() + message[1:]


def _allowed(path: tuple[int | str, ...], root: type[BaseModel]) -> str:
    """The keys that could stand in place of the last one of `path`, the likeliest alone if there is one."""
    model: type[BaseModel] | None = root
    for step in path[:-1]:
        if isinstance(step, str) and model is not None:
            model = _model_of(model, step)
    keys = list(model.model_fields) if model else []
    if near := difflib.get_close_matches(str(path[-1]), keys, n=1):
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(keys)}"


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    field = model.model_fields.get(key)
    if field is None:
        return None
    candidates = (field.annotation, *get_args(field.annotation))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)
