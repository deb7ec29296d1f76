"""The decoder of a format: strict in all but one thing.

A number may be written as text: protobuf's JSON writes every 64-bit number so.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """A function that decodes JSON as `kind`.

    The function raises `msgspec.ValidationError` for a field of the wrong type.
    """
    return msgspec.json.Decoder(kind, strict=False).decode
