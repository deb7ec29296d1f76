"""The virtual key and the idempotency key in the headers of a request."""

from typing import Final

from starlette.datastructures import Headers

from ingest.http.problems import bad_parameter

KEY_PREFIX: Final = "sk-bf-"
_LONGEST_KEY: Final = 255
_SHARED_HEADERS: Final = ("x-api-key", "api-key", "x-goog-api-key")
"""Headers that providers' clients put their keys in; a value counts only if it looks like a virtual key."""


def virtual_key(headers: Headers) -> str | None:
    """The virtual key in the headers; None if there is none."""
    if key := headers.get("x-bf-vk", "").strip():
        return key
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    offered = [
        credential if scheme.lower() == "bearer" else "",
        *(headers.get(name, "") for name in _SHARED_HEADERS),
    ]
    return next((key.strip() for key in offered if key.strip().startswith(KEY_PREFIX)), None)


def idempotency_key(headers: Headers) -> str | None:
    """The Idempotency-Key of the request; None if there is none.

    Raises:
        Problem: 422 if it is empty or too long.
    """
    key = headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise bad_parameter("Idempotency-Key", key, f"must have 1 to {_LONGEST_KEY} characters")
    return key
