"""Attributes: what a span or its resource says of itself, asked for by meaning, in whatever spelling it came."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ingest.event import MAX_COUNT
from ingest.formats.cost import pico
from ingest.formats.fault import safe_repr
from ingest.formats.otel.names import Spellings
from ingest.refusal import Refused


class Attributes:
    """Attributes by name. `within` is the name of the field of the record that holds them, for refusals."""

    __slots__ = ("_held", "_within")

    def __init__(self, held: Mapping[str, Any], within: str = "attributes") -> None:
        self._held = held
        self._within = within

    def text(self, names: Spellings) -> str | None:
        """The text under the first of `names` that has any; numbers as people write them, lists with commas."""
        held = self._held
        for name in names:
            value = held.get(name)
            if value is not None and (found := _text(value)):
                return found
        return None

    def word(self, names: Spellings) -> str | None:
        """The same, but the first of a list, also of one that is written as JSON text."""
        for name in names:
            if found := _text(_head(self._held.get(name))):
                return found
        return None

    def count(self, names: Spellings) -> int | None:
        """The count under the first of `names` that is there.

        Raises:
            Refused: it is no whole number from 0 up.
        """
        name, value = self._first(names)
        if value is None or (type(value) is int and 0 <= value <= MAX_COUNT):
            return value
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            reason = f"{name} is {safe_repr(value)}: a whole number from 0 to {MAX_COUNT:,} is expected"
            raise Refused("impossible_count", reason, self._path(name))
        raise self._wrong(name, value, "a whole number")

    def amount(self, names: Spellings) -> Decimal | None:
        """The amount of money under the first of `names` that is there; a float by its shortest text.

        Raises:
            Refused: it is none.
        """
        name, value = self._first(names)
        amount = self._number(name, value, "an amount")
        pico(amount, self._within, name)
        return amount

    def seconds(self, names: Spellings) -> Decimal | None:
        """The duration in seconds under the first of `names` that is there; None for one that cannot be.

        Raises:
            Refused: it is no number.
        """
        name, value = self._first(names)
        number = self._number(name, value, "a number")
        return number if number is not None and number.is_finite() and number >= 0 else None

    def flag(self, names: Spellings) -> bool | None:
        """The truth under the first of `names` that is there, None for what is neither true nor false."""
        _, value = self._first(names)
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.lower())
        return value if isinstance(value, bool) else None

    def _first(self, names: Spellings) -> tuple[str, Any]:
        held = self._held
        for name in names:
            if name in held and held[name] is not None:
                return name, held[name]
        return "", None

    def _number(self, name: str, value: Any, wanted: str) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        if isinstance(value, str):
            try:
                return Decimal(value)
            except ArithmeticError:
                pass
        raise self._wrong(name, value, wanted)

    def _wrong(self, name: str, value: Any, wanted: str) -> Refused:
        return Refused("wrong_type", f"{name} is {safe_repr(value)}, {wanted} is expected", self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._within}.{name}"


def _head(value: Any) -> Any:
    """The first of a list, or the value itself."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, list):
        return ",".join(filter(None, map(_text, value))) or None
    return None
