"""The virtual key and the idempotency key in the headers of a request."""

from typing import Final

from starlette.datastructures import Headers

from ingest.framing import Framing
from ingest.framing.decompression import Decompressor
from ingest.http.problems import Problem, bad_parameter

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


KINDS: Final[dict[str, Framing]] = {
    "application/json": "auto",
    "application/jsonl": "lines",
    "application/jsonlines": "lines",
    "application/x-jsonlines": "lines",
    "application/x-ndjson": "lines",
    "application/ndjson": "lines",
    "text/event-stream": "sse",
    "application/json-seq": "json",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/plain": "auto",
    "application/octet-stream": "auto",
    "application/gzip": "auto",
    "application/x-gzip": "auto",
    "application/zstd": "auto",
    "application/x-www-form-urlencoded": "auto",  # the default of curl for any data
    "": "auto",
}


def kind_of(headers: Headers) -> Framing:
    """How the body is framed, by its content type.

    Raises:
        Problem: 415 for a content type that cannot contain records.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    kind: Framing | None = "auto" if media_type.endswith("+json") else KINDS.get(media_type)
    if kind is None:
        accepted = "application/json, application/jsonl, text/csv or text/event-stream"
        detail = f"{media_type[:80]!r} is not read here; send {accepted}"
        raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
    return kind


def unpacker_of(headers: Headers, limit: int) -> Decompressor:
    """The decompressor of the body: by its Content-Encoding, else by its first bytes.

    Raises:
        Problem: 415 for an encoding that is not supported.
    """
    try:
        return Decompressor.for_encoding(headers.get("content-encoding", ""), limit)
    except LookupError as error:
        accepted = {"Accept-Encoding": "gzip, zstd, identity"}
        raise Problem(
            415, "unsupported_encoding", "Not an encoding that is read", str(error), headers=accepted
        ) from None
