"""Faults: what the decoder says of a field, as a refusal that names the field, what was found and what is expected.

A found text is shown only if it looks like an identifier: anything else may be a prompt.
"""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.event import MAX_COUNT
from ingest.formats.mending import loads
from ingest.refusal import Refused

_SAID: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
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
    """The refusal for `error`, which came of decoding `raw`. `within` is the path of `raw` in its record."""
    said = _SAID.fullmatch(str(error))
    what, path = (said["what"], said["path"] or "") if said else (str(error), "")
    if not path and not within:
        return Refused("not_an_object", "the record is not a JSON object")
    field = ".".join(part for part in (within, path) if part)
    found = _found(raw, path)
    expected = _EXPECTED.search(what)
    kinds = expected[1].split(" | ") if expected else []
    what_was_found = shown(found)
    if "int" in kinds or "float" in kinds or "out of range" in what:
        if _is_number(found):
            kind = "a number" if kinds == ["float"] else "a whole number"
            reason = f"{field} is {what_was_found}: {kind} from 0 to {MAX_COUNT:,} is expected"
            return Refused("impossible_count", reason, field)
    elif "decimal" in what:
        kinds = kinds or ["decimal"]
    names = " or ".join(_NAMES[kind] for kind in kinds if kind in _NAMES) or "something else"
    return Refused("wrong_type", f"{field} is {what_was_found}, {names} is expected", field)


def _found(raw: bytes, path: str) -> Any:
    """The value at `path`; None where the decoder does not say which of several it is (`labels[...]`)."""
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


def shown(value: object) -> str:
    """A value as a refusal may show it."""
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
