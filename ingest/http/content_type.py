"""The content type and the content encoding of a request body, from its headers."""

from typing import Final

from starlette.datastructures import Headers

from ingest.framing import Framing
from ingest.framing.decompression import Decompressor
from ingest.http.problems import Problem

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
