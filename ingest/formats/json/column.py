"""JSON columns: an object in an API, text in a database, and '' or null for an empty cell."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from ingest.formats.json import decode_errors, lenient
from ingest.formats.json.decoder import decoder
from ingest.model.rejection import Refused

T = TypeVar("T")

_text = msgspec.json.Decoder(str).decode


class JsonColumn(Generic[T]):
    """A column of a table whose cells are JSON."""

    def __init__(self, name: str, kind: Any) -> None:
        self._name = name
        self._decode: Callable[[bytes], T] = decoder(kind)

    def json(self, raw: msgspec.Raw) -> bytes:
        """The JSON of a cell. A text in it has no NUL, which no database stores."""
        value = bytes(raw)
        if value[:1] != b'"':
            return value
        text = _text(value).encode()
        return lenient.without_nul(text) if lenient.NUL in text else text

    def read(self, raw: msgspec.Raw) -> T | None:
        """The decoded value of a cell, None for an empty cell.

        Raises:
            Refused: the cell has another type; the refusal names the field inside.
        """
        value = self.json(raw)
        if value in {b"", b"null"}:
            return None
        try:
            return self._decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = self._to_strict_json(value)
        try:
            return self._decode(value)
        except msgspec.ValidationError as error:
            raise decode_errors.refusal(error, value, within=self._name) from None

    def _to_strict_json(self, value: bytes) -> bytes:
        try:
            return lenient.to_strict_json(value)
        except Refused as refused:
            raise Refused(refused.code, f"{self._name}: {refused.reason}", self._name) from None
