"""Errors of a mapping file, each with its key and the allowed values."""

import difflib
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

_MAX_ERRORS: Final = 20


def error_messages(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A message for each error in the validation of `model`."""
    messages = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_ERRORS]:
        key = ".".join(map(str, detail["loc"]))
        message = _message(detail, model)
        messages.append(f"{key}: {message}" if key else message)
    return messages


def _message(detail: Any, model: type[BaseModel]) -> str:
    kind, path, message = detail["type"], detail["loc"], str(detail["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"there is no such key; {_allowed(path, model)}"
    if kind == "missing":
        return "this is missing" + (
            ", and a call has a time: name its column" if path[-1] == "occurred_at" else ""
        )
    return message[:1].lower() + message[1:]


def _allowed(path: tuple[int | str, ...], root: type[BaseModel]) -> str:
    """The allowed keys in place of the last key of `path`; only the most similar key, if there is one."""
    model: type[BaseModel] | None = root
    for step in path[:-1]:
        if isinstance(step, str) and model is not None:
            model = _model_of(model, step)
    keys = list(model.model_fields) if model else []
    if close_keys := difflib.get_close_matches(str(path[-1]), keys, n=1):
        return f"did you mean {close_keys[0]}?"
    return f"there are {', '.join(keys)}"


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    field = model.model_fields.get(key)
    if field is None:
        return None
    candidates = (field.annotation, *get_args(field.annotation))
    return next(
        (
            candidate
            for candidate in candidates
            if isinstance(candidate, type) and issubclass(candidate, BaseModel)
        ),
        None,
    )
