"""Decode errors as refusals: each names the field, its value and the expected type.

A text is shown only where it looks like an identifier. Any other text may be a prompt.
"""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.formats.json.lenient import loads
from ingest.model.event import MAX_COUNT
from ingest.model.rejection import Refused

_MESSAGE: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected `([^`]*)`")
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_IDENTIFIER: Final = re.compile(r"(?!sk-)[A-Za-z0-9_.:/+-]{1,40}")
_NAMES: Final = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "an amount",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}


def refusal(error: msgspec.ValidationError, raw: bytes, within: str = "") -> Refused:
    """The refusal for an error of decoding `raw`. `within` is the path of `raw` in its record."""
    message = _MESSAGE.fullmatch(str(error))
    problem, path = (message["what"], message["path"] or "") if message else (str(error), "")
    if not path and not within:
        return Refused("not_an_object", "the record is not a JSON object")
    field = ".".join(part for part in (within, path) if part)
    value = _value_at(raw, path)
    expected = _EXPECTED.search(problem)
    kinds = expected[1].split(" | ") if expected else []
    value_text = safe_repr(value)
    if "int" in kinds or "float" in kinds or "out of range" in problem:
        if _is_number(value):
            kind = "a number" if kinds == ["float"] else "a whole number"
            reason = f"{field} is {value_text}: {kind} from 0 to {MAX_COUNT:,} is expected"
            return Refused("impossible_count", reason, field)
    elif "decimal" in problem:
        kinds = kinds or ["decimal"]
    names = " or ".join(_NAMES[kind] for kind in kinds if kind in _NAMES) or "something else"
    return Refused("wrong_type", f"{field} is {value_text}, {names} is expected", field)


def _value_at(raw: bytes, path: str) -> Any:
    """The value at `path`; None where the path does not name a single value (`labels[...]`)."""
    if "[...]" in path:
        return None
    try:
        value = loads(raw)
        for index, name in _STEP.findall(path):
            value = value[int(index)] if index else value[name]
    except (Refused, LookupError, TypeError):
        return None
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def safe_repr(value: object) -> str:
    """A value as text without content, for refusals."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:.6g}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"' if _IDENTIFIER.fullmatch(value) else "text"
    return (
        "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "of another type"
    )
