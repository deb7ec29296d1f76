"""JSON columns: an object where an API answers, text where a database holds it, '' or null where there is nothing."""

from typing import Any, Generic, TypeVar

import msgspec

from ingest.formats import fault, mending
from ingest.refusal import Refused

T = TypeVar("T")

_text = msgspec.json.Decoder(str).decode


class Column(Generic[T]):
    """One JSON column of a row."""

    def __init__(self, name: str, kind: Any) -> None:
        self._name = name
        self._decode: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def read(self, raw: msgspec.Raw) -> T | None:
        """The value of the column, None where it has none.

        Raises:
            Refused: it holds something else; the refusal names the field inside.
        """
        held = bytes(raw)
        if held[:1] == b'"':
            held = _text(held).encode()
        if held in {b"", b"null"}:
            return None
        try:
            return self._decode.decode(held)
        except (msgspec.DecodeError, UnicodeDecodeError):
            held = self._mended(held)
        try:
            return self._decode.decode(held)
        except msgspec.ValidationError as error:
            raise fault.refusal(error, held, within=self._name) from None

    def _mended(self, held: bytes) -> bytes:
        try:
            return mending.mend(held)
        except Refused as refused:
            raise Refused(refused.code, f"{self._name}: {refused.reason}", self._name) from None
