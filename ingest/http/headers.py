"""The caller: whose virtual key a request comes with, and under which name it may be sent again."""

from typing import Final

from starlette.datastructures import Headers

from ingest.http.problems import bad_parameter

KEY_PREFIX: Final = "sk-bf-"
_LONGEST_KEY: Final = 255
_SHARED_HEADERS: Final = ("x-api-key", "api-key", "x-goog-api-key")
"""Headers that providers' own clients use: only what looks like a virtual key is one."""


def virtual_key(headers: Headers) -> str | None:
    """The virtual key that the request was made with, where its headers hold one."""
    if given := headers.get("x-bf-vk", "").strip():
        return given
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    offered = [
        credential if scheme.lower() == "bearer" else "",
        *(headers.get(name, "") for name in _SHARED_HEADERS),
    ]
    return next((one.strip() for one in offered if one.strip().startswith(KEY_PREFIX)), None)


def idempotency_key(headers: Headers) -> str | None:
    """The name of the request, if it has one.

    Raises:
        Problem: 422 for one that is empty or too long.
    """
    key = headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise bad_parameter("Idempotency-Key", key, f"must have 1 to {_LONGEST_KEY} characters")
    return key
