"""Lenient JSON: a second decoder for JSON that the strict decoder refuses, where its meaning is clear.

A whole number written as a float (5.0) becomes an integer. Lone surrogates become question marks, and bytes
that are not UTF-8 become replacement characters. NUL is removed (no database stores it), and a byte order
mark is skipped.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final, NoReturn

import msgspec

from ingest.formats.json.numbers import exact
from ingest.model.rejection import Refused

NUL: Final = b"\\u0000"
"""The escape of NUL in JSON."""
_LONGEST_INT: Final = 40
_BOM: Final = b"\xef\xbb\xbf"
MOST_VALUES: Final = 500_000
"""Values of a record that is read leniently: each takes half a microsecond, and others wait meanwhile."""
_encode = msgspec.json.Encoder(decimal_format="number").encode


def to_strict_json(raw: bytes, odd_number: Callable[[str], Any] | None = None) -> bytes:
    """`raw` as JSON for the strict decoder. Every number keeps its exact value; `odd_number` as in `loads`.

    Raises:
        Refused: `raw` is not JSON.
    """
    try:
        return _encode(loads(raw, odd_number))
    except RecursionError:
        raise too_deep_refusal() from None


def without_nul(raw: bytes) -> bytes:
    """`raw` as strict JSON without NUL; `raw` itself where it is not JSON."""
    try:
        return to_strict_json(raw)
    except Refused:
        return raw


def loads(raw: bytes, odd_number: Callable[[str], Any] | None = None) -> Any:
    """The decoded value of `raw`; numbers are int or Decimal, never float.

    `odd_number` makes the value of NaN, infinity and a number that cannot be read. Without it they are
    refused.

    Raises:
        Refused: `raw` is not JSON.
    """
    if not raw.strip():
        raise Refused("not_json", "the record is empty")
    if raw.count(b",") > MOST_VALUES:
        reason = (
            f"the record has more than {MOST_VALUES:,} values and is not strictly JSON: leave out its content"
        )
        raise Refused("too_many_values", reason)
    try:
        value = json.loads(
            raw.removeprefix(_BOM).decode("utf-8", "replace"),
            parse_float=_number if odd_number is None else partial(_number_or, odd_number),
            parse_int=_integer,
            parse_constant=odd_number or _constant,
        )
        return _clean(value)
    except json.JSONDecodeError as error:
        raise Refused("not_json", f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise too_deep_refusal() from None


def without_field(raw: bytes, path: Sequence[str]) -> bytes:
    """`raw` as strict JSON, without the field at `path`.

    Raises:
        Refused: `raw` is not JSON, or has no such field.
    """
    record = inner = loads(raw)
    for name in path[:-1]:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or inner.pop(path[-1], None) is None:
        raise Refused("bad_time", f"the time at {'.'.join(path)} cannot be read", ".".join(path))
    return _encode(record)


def too_deep_refusal() -> Refused:
    """The refusal of JSON that is nested too deeply."""
    return Refused("not_json", "the record is nested too deeply")


def _number(text: str) -> Decimal | int:
    number = exact(text)
    if number.adjusted() < _LONGEST_INT and number == number.to_integral_value():
        return int(number)
    return number


def _number_or(odd_number: Callable[[str], Any], text: str) -> Any:
    try:
        return _number(text)
    except Refused:
        return odd_number(text)


def _integer(text: str) -> Decimal | int:
    return int(text) if len(text) < _LONGEST_INT else Decimal(text)


def _constant(name: str) -> NoReturn:
    raise Refused("not_json", f"{name} is not a JSON number")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    return value
