"""Attributes of a span or its resource, read by meaning: each meaning has several names."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ingest.formats.completion.cost import pico
from ingest.formats.json.decode_errors import safe_repr
from ingest.formats.json.numbers import bounded
from ingest.formats.otel.names import Spellings
from ingest.model.event import MAX_COUNT
from ingest.model.rejection import Refused


class Attributes:
    """Attributes by name. `within` is their field in the record, for refusals."""

    __slots__ = ("_values", "_within")

    def __init__(self, values: Mapping[str, Any], within: str = "attributes") -> None:
        self._values = values
        self._within = within

    def text(self, names: Spellings) -> str | None:
        """The text of the first attribute in `names` that has a text. Lists become texts with commas."""
        values = self._values
        for name in names:
            value = values.get(name)
            if value is not None and (text := _as_text(value)):
                return text
        return None

    def first_text(self, names: Spellings) -> str | None:
        """The same as `text`, but of a list only the first item, also where the list is JSON text."""
        for name in names:
            if text := _as_text(_first_item(self._values.get(name))):
                return text
        return None

    def count(self, names: Spellings) -> int | None:
        """The count of the first attribute in `names` that is present.

        Raises:
            Refused: the value is not a whole number, or is negative or too large.
        """
        name, value = self._first(names)
        if value is None or (type(value) is int and 0 <= value <= MAX_COUNT):
            return value
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            reason = f"{name} is {safe_repr(value)}: a whole number from 0 to {MAX_COUNT:,} is expected"
            raise Refused("impossible_count", reason, self._path(name))
        raise self._wrong_type(name, value, "a whole number")

    def amount(self, names: Spellings) -> Decimal | None:
        """The amount of money of the first attribute in `names` that is present.

        Raises:
            Refused: the value is not an amount.
        """
        name, value = self._first(names)
        amount = self._number(name, value, "an amount")
        pico(amount, self._within, name)
        return amount

    def seconds(self, names: Spellings) -> Decimal | None:
        """The seconds of the first attribute in `names` that is present; None if negative or not finite.

        Raises:
            Refused: the value is not a number.
        """
        name, value = self._first(names)
        number = self._number(name, value, "a number")
        return number if number is not None and number.is_finite() and number >= 0 else None

    def flag(self, names: Spellings) -> bool | None:
        """The boolean of the first attribute in `names` that is present; None for any other value."""
        _, value = self._first(names)
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.lower())
        return value if isinstance(value, bool) else None

    def _first(self, names: Spellings) -> tuple[str, Any]:
        values = self._values
        for name in names:
            if name in values and values[name] is not None:
                return name, values[name]
        return "", None

    def _number(self, name: str, value: Any, expected: str) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        if isinstance(value, str) and (number := bounded(value)) is not None:
            return number
        raise self._wrong_type(name, value, expected)

    def _wrong_type(self, name: str, value: Any, expected: str) -> Refused:
        return Refused(
            "wrong_type", f"{name} is {safe_repr(value)}, {expected} is expected", self._path(name)
        )

    def _path(self, name: str) -> str:
        return f"{self._within}.{name}"


def _first_item(value: Any) -> Any:
    """The first item of a list, or the value itself."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, list):
        return ",".join(filter(None, map(_as_text, value))) or None
    return None
